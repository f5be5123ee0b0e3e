import { describe, expect, it } from '@jest/globals';
import { sample, sampleWith, sampleWithout } from './sample.ts';
import { checkFields, checkValues } from './schema.ts';

describe('the published types', () => {
  it('accept what is well made', () => {
    expect([...checkValues(sample()), ...checkFields(sample())]).toEqual([]);
  });

  it('refuse a value of the wrong kind, and name the object', () => {
    const objects = sampleWith('Service booking', 'spec ports 0 port', 'eighty');
    expect(checkValues(objects)).toContainEqual(expect.stringMatching(/^Service booking: .*port/));
  });

  it('refuse a field that does not exist, which an API server would ignore or refuse', () => {
    const objects = sampleWith('Deployment booking', 'spec template spec terminationGracePeriod', 10);
    expect(checkFields(objects)).toContainEqual(
      expect.stringMatching(/^Deployment booking: .*terminationGracePeriod.* does not exist/),
    );
  });

  it('refuse a kind that they do not know', () => {
    const objects = [...sampleWithout('ObjectStore booking-db'), ...sampleWith('Service booking', 'kind', 'Servise')];
    expect(checkValues(objects)).toContain('Servise booking: there are no published types for v1 Servise');
  });

  it('of the object store, which this repository keeps itself, refuse what Barman could not use', () => {
    const objects = sampleWith('ObjectStore booking-db', 'spec retentionPolicy', 'a month');
    expect(checkValues(objects)).toContainEqual(expect.stringMatching(/^ObjectStore booking-db: .*retentionPolicy/s));
  });
});
