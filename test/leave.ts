/** Loaded into every test file by `npm test`: one whose tests are over must end by itself, or it fails and says why. */
import { after } from 'node:test';

/** For what closes in the background of a busy machine. */
const leaveMs = 10_000;

after(() => {
  // It holds nothing open itself, so it comes only where something else does.
  setTimeout(() => {
    console.error(
      `the tests are over, and the file is held open by ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, leaveMs).unref();
});
