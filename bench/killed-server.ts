/** One of three servers killed at full load, with the settings that nobody changed: `node bench/killed-server.ts`. */
import { killOneOfThree } from '../test/faults/killed-server-rig.ts';
import { tellGoal } from './tell-goal.ts';

const endings: (() => unknown)[] = [];
const after = (run: unknown) => void endings.unshift(run as () => unknown);
const { wholes, lies, streams, broken, outMs, backMs, underWay, failuresToOut, foundOut } =
  await killOneOfThree({ after }, { config: {}, wholeLoad: false });
for (const end of endings) await end();

const failed = wholes.filter((status) => status !== 200).length;
console.log(`${wholes.length} whole answers, ${streams} streams of which ${broken} ended with an error`);
console.log(`${foundOut} requests were sent there after its death`);
console.log(`left out after ${outMs.toFixed(0)} ms; ${underWay} were under way there when it died`);
tellGoal({
  text: 'one of three killed: failures until it was left out',
  bound: '≤ 5',
  found: failuresToOut,
  isMet: failuresToOut <= 5,
});
tellGoal({
  text: 'one of three killed: failed whole answers',
  bound: '0',
  found: failed,
  isMet: failed === 0,
});
tellGoal({
  text: 'one of three killed: dishonest streams',
  bound: '0',
  found: lies.length,
  isMet: lies.length === 0,
});
tellGoal({
  text: 'one of three killed: back after its return, s',
  bound: '≤ 15',
  found: backMs / 1_000,
  isMet: backMs <= 15_000,
});
process.exit();
