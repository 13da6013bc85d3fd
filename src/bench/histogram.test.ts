import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram, relativeErrorMax } from './histogram.ts';

const durations = fc.array(fc.oneof(fc.nat({ max: 1000 }), fc.nat({ max: 2 ** 31 - 1 })), {
  minLength: 1,
  maxLength: 400,
});

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function exactPercentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

test('every percentile lies within the stated relative error of the sorted array', () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 100, noNaN: true }), (values, percent) => {
      const exact = exactPercentile(values, percent);
      const found = histogramOf(values).percentile(percent);
      assert.ok(Math.abs(found - exact) <= exact * relativeErrorMax, `${found} for ${exact} at ${percent} %`);
    }),
  );
});

test('count, mean, least and greatest are exact', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.equal(histogram.count, values.length);
      assert.ok(Math.abs(histogram.meanUs - mean) <= mean * 1e-9);
      assert.equal(histogram.minUs, Math.min(...values));
      assert.equal(histogram.maxUs, Math.max(...values));
    }),
  );
});

test('merging two histograms equals recording both into one', () => {
  fc.assert(
    fc.property(durations, durations, (left, right) => {
      const merged = histogramOf(left);
      merged.merge(histogramOf(right));
      const { meanUs: mergedMeanUs, ...mergedRest } = merged.toJSON();
      const { meanUs, ...rest } = histogramOf([...left, ...right]).toJSON();
      assert.deepEqual(mergedRest, rest);
      assert.ok(Math.abs(mergedMeanUs - meanUs) <= meanUs * 1e-9);
    }),
  );
});

test('percentiles never fall as the percentage rises', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      let previous = 0;
      for (let percent = 0; percent <= 100; percent += 0.5) {
        const found = histogram.percentile(percent);
        assert.ok(found >= previous);
        previous = found;
      }
    }),
  );
});

test('an empty histogram answers zero to everything', () => {
  const summary = new Histogram().toJSON();
  for (const value of Object.values(summary)) assert.equal(value, 0);
});

test('a duration beyond the trackable range keeps its exact maximum', () => {
  const histogram = histogramOf([1, 2, 2 ** 40]);
  assert.equal(histogram.percentile(100), 2 ** 40);
  assert.equal(histogram.maxUs, 2 ** 40);
});

test('what is no duration and what is no percentage is refused', () => {
  const histogram = new Histogram();
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => histogram.record(wrong), RangeError);
  }
  for (const wrong of [-0.1, 100.1, Number.NaN]) {
    assert.throws(() => histogram.percentile(wrong), RangeError);
  }
  assert.equal(histogram.count, 0);
});
