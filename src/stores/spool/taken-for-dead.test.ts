import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createHeldClock } from '../../../test/held-clock.ts';
import { end, intent, story, until } from '../../../test/stores/spool-rig.ts';

story(
  'P12, P4: a run that slept until another took it for dead changes nothing that one wrote, and goes on as a new one',
  async (rig) => {
    const clock = createHeldClock();
    const sleeper = await rig.open({ clock });
    for (const id of ['ended', 'under-way']) await sleeper.intend(intent(id));
    sleeper.settle([{ line: end('ended'), begun: true }]);
    const other = await rig.open();
    await until(rig, 'the other has taken over', () => rig.told.includes('lost: 1'));

    const catchUp = () => clock.sleep(rig.clock.now() - clock.now());
    const alive = () => readdirSync(rig.dir).filter((name) => name.endsWith('.alive')).length;
    sleeper.settle([{ line: end('under-way'), begun: true }]);
    await until(rig, 'it lives again', () => {
      catchUp();
      return alive() === 2;
    });
    await sleeper.intend(intent('later'));
    sleeper.settle([{ line: end('later'), begun: true }]);
    await sleeper.close();
    await other.close();
    assert.deepEqual(
      (await rig.rows()).map(({ id, outcome, outputTokens }) => [id, outcome, outputTokens]).toSorted(),
      [
        ['ended', 'complete', 5],
        ['later', 'complete', 5],
        ['under-way', 'lost', 0],
      ],
    );
    assert.deepEqual(rig.files(), []);
    assert.deepEqual(rig.told, ['lost: 1']);
  },
);
