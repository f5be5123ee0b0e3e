import { tell } from '../libs/contracts/compatibility/compare-contracts.ts';
import {
  compareWithPublished,
  readAcceptedBreaks,
  sentence,
  writeAcceptedBreaks,
  writePublished,
} from '../libs/contracts/compatibility/published.ts';
import { describeContracts } from '../libs/contracts/compatibility/snapshot.ts';

/**
 * `npm run contracts`: what has changed in the contracts since the last release, and whether it breaks what runs.
 * `-- publish` stores today's contracts as the released ones; `-- accept-breaking "<reason>"` lets a break pass.
 */
const [command = 'check', ...words] = process.argv.slice(2);
const { breaks, rest } = compareWithPublished();

function list(title: string, sentences: string[]): void {
  if (sentences.length > 0) console.log(`${title}\n${sentences.map(line => `  ${line}`).join('\n')}\n`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const howToGoOn =
  'Mend it, or leave the old subject or route in place beside a new one. If nothing that runs can be hurt:\n' +
  'npm run contracts -- accept-breaking "<why nothing is hurt>"';

switch (command) {
  case 'check':
    list('Since the last release, compatible:', tell(rest));
    list('Since the last release, BREAKING:', tell(breaks));
    if (breaks.length > 0) fail(howToGoOn);
    if (rest.length === 0) console.log('The contracts are those of the last release.');
    break;
  case 'publish':
    if (breaks.length > 0) fail(`These breaks cannot be released:\n${tell(breaks).join('\n')}\n\n${howToGoOn}`);
    writePublished(describeContracts(), readAcceptedBreaks());
    console.log('libs/contracts/published holds the contracts of this release. Commit it.');
    break;
  case 'accept-breaking': {
    const reason = words.join(' ').trim();
    if (reason === '') fail('say why nothing that runs is hurt: npm run contracts -- accept-breaking "<reason>"');
    if (breaks.length === 0) fail('nothing breaks: there is nothing to accept');
    const on = new Date().toISOString().slice(0, 10);
    writeAcceptedBreaks([...readAcceptedBreaks(), { on, reason, breaks: breaks.map(sentence), published: false }]);
    list('Accepted, and written to libs/contracts/published/accepted-breaks.json:', breaks.map(sentence));
    break;
  }
  default:
    fail(`unknown: ${command}. It is check (or nothing), publish, or accept-breaking "<reason>"`);
}
