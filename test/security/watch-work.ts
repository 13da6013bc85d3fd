/**
 * What a gateway of this process does for a request, in time of the processor: that of the whole process, its other threads
 * and the test included, and without how long a busy machine lets it wait.
 */
export function watchWork(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
}
