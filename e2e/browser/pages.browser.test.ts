import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addDays, booking, createdBooking } from '@monde-sauvage/contracts';
import { type Demo, demoSchema } from '@monde-sauvage/emulators';
import { eventually } from '@monde-sauvage/testkit';
import { type Browser, chromium, type Page } from 'playwright-core';
import { z } from 'zod';
import { demoFile, readSettings } from '../../scripts/platform/settings.ts';
import { type Api, askAgain, createApi } from '../support/api.ts';

/** The pages a person sees, in a real browser, of the system that `npm start` runs. */
let browser: Browser;
let page: Page;
let demo: Demo;
let api: Api;
const problems: string[] = [];

beforeAll(async () => {
  demo = demoSchema.parse(JSON.parse(readFileSync(demoFile(readSettings(process.env).DATA_DIR), 'utf8')));
  api = askAgain(createApi(demo.gatewayUrl));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', error => problems.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error') problems.push(message.text());
  });
}, 300_000);

afterAll(() => browser?.close());

const chalet = () => {
  const last = demo.chalets.at(-1);
  if (!last?.calendarId) throw new Error('the demo has no chalet with a calendar');
  return { ...last, calendarId: last.calendarId };
};

/** The first of `nights` free nights in a row. */
async function freeDate(nights: number): Promise<string> {
  const from = addDays(new Date().toISOString().slice(0, 10), 400);
  const path = `/v1/chalets/${chalet().id}/calendar?from=${from}&to=${addDays(from, 400)}`;
  const days = z.object({ items: z.array(z.object({ date: z.string(), available: z.boolean() })) });
  const { items } = await api.expect(200, days, 'GET', path);
  const free = items.find((_, at) => items.slice(at, at + nights).every(day => day.available));
  if (!free) throw new Error('no free nights in the demo');
  return free.date;
}

describe('the documentation', () => {
  it('shows every operation without an error on the page', async () => {
    problems.length = 0;
    await page.goto(`${demo.gatewayUrl}/docs`);
    await page.getByText('/v1/bookings', { exact: true }).first().waitFor();
    const { paths } = await api.expect(
      200,
      z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) }),
      'GET',
      '/openapi.json',
    );
    const methods = new Set(['get', 'post', 'put', 'patch', 'delete']);
    const operations = Object.values(paths).flatMap(path => Object.keys(path).filter(method => methods.has(method)));
    const shown = () => page.locator('.opblock').count();
    await eventually(async () => (await shown()) >= operations.length, { describe: 'every operation' });
    expect(await shown()).toBe(operations.length);
    expect(problems).toEqual([]);
  });
});

describe('the owner in Google Calendar', () => {
  it('adds, changes and deletes an event on the month page, and the database follows', async () => {
    const start = await freeDate(4);
    const title = `Famille Page ${start}`;
    const month = `${demo.googleUrl}/ui/calendars/${encodeURIComponent(chalet().calendarId)}?month=${start.slice(0, 7)}`;
    await page.goto(month);
    const add = page.locator('form.card');
    await add.locator('input[type=text]').first().fill(title);
    await add.locator('input[type=date]').first().fill(start);
    await add.locator('input[type=date]').last().fill(addDays(start, 1));
    await add.getByRole('button', { name: 'Add' }).click();
    await page.getByText(title).first().waitFor();

    const rows = z.object({ items: z.array(booking) });
    const path = `/v1/establishments/${demo.establishmentId}/bookings?source=google&from=${start}&to=${addDays(start, 4)}`;
    const find = async () =>
      (await api.as(demo.ownerKey).expect(200, rows, 'GET', path)).items.find(row => row.customer.name === title);
    const arrived = await eventually(find, { describe: 'the event to become a row' });
    expect(arrived).toMatchObject({ startDate: start, endDate: addDays(start, 2), status: 'confirmed' });

    const item = page.locator('li[id^=event-]', { hasText: title });
    await item.locator('summary').click();
    await item.getByRole('button', { name: 'Delete' }).click();
    await eventually(async () => (await find())?.status === 'cancelled', { describe: 'the row to be cancelled' });
  });
});

describe('the guest on Stripe’s page', () => {
  it('pays by pressing the button, comes back to a page that says so, and the booking is confirmed', async () => {
    const start = await freeDate(2);
    const created = await api.expect(201, createdBooking, 'POST', '/v1/bookings', {
      body: {
        chaletId: chalet().id,
        startDate: start,
        endDate: addDays(start, 2),
        customer: { name: 'Page Guest', email: 'page@example.com' },
      },
    });
    const guest = api.as(created.manageToken);
    const { checkoutUrl } = await guest.expect(
      200,
      z.object({ checkoutUrl: z.url() }),
      'POST',
      `/v1/bookings/${created.id}/checkout`,
      { body: {} },
    );
    await page.goto(checkoutUrl);
    await page.getByRole('button', { name: /^pay/i }).first().click();
    await page.waitForURL(url => url.href.startsWith(demo.gatewayUrl));
    expect(await page.getByRole('heading').first().textContent()).not.toBe('');
    await eventually(
      async () => (await guest.expect(200, booking, 'GET', `/v1/bookings/${created.id}`)).status === 'confirmed',
      {
        describe: 'the booking to be confirmed',
      },
    );
  });
});
