/** Installs a package with apt: one installer at a time, within bounds, and without starting a service. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const lockFile = '/var/lock/millrace-test-servers.lock';
/** Of waiting for another test process that installs. */
const lockSecondsMax = 900;
/** Of the installation, with the refresh of apt's lists. */
const installSecondsMax = 600;
/** Of waiting for somebody else's apt. */
const aptLockSecondsMax = 300;

/**
 * Debian's packages start what they install unless this one program says 101. Where the machine has none, ours is there
 * for as long as the installation takes; where it has one that lets services start, ours is stopped afterwards. Nor does
 * it start with the machine. A service that was there before is left as it was.
 */
const script = `
policy=/usr/sbin/policy-rc.d
mark='put here by the millrace tests while they install, to be removed by them'
if [ -f "$policy" ] && grep -q "$mark" "$policy"; then rm -f "$policy"; fi
[ -e "/etc/init.d/$1" ] && is_new=no || is_new=yes
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\n# %s\\nexit 101\\n' "$mark" > "$policy" && chmod 755 "$policy" || exit 1
fi
is_installed() { dpkg-query --show --showformat '\${db:Status-Status}' "$1" 2> /dev/null | grep -qx installed; }
is_known() { apt-cache show "$1" > /dev/null 2>&1; }
install() {
  apt-get install --yes --no-install-recommends --quiet \\
    -o DPkg::Lock::Timeout=${aptLockSecondsMax} -o Acquire::http::Timeout=30 -o Acquire::Retries=2 "$1"
}
{ is_known "$1" && install "$1"; } || { apt-get update --quiet && install "$1"; } || exit 1
if [ "$is_new" = yes ]; then
  "$policy" "$1" start
  [ "$?" = 101 ] || service "$1" stop
  [ ! -d /run/systemd/system ] || systemctl disable "$1"
fi
is_installed "$1"
`;

/** Whether it is installed now. What apt says is shown as it says it, on standard error. */
export async function aptInstall(name: string): Promise<boolean> {
  const bounded = ['timeout', '--kill-after=30', String(installSecondsMax), 'sh', '-c', script, 'sh', name];
  console.error(`installing ${name} with apt-get, for the tests that need it`);
  const apt = spawn('flock', ['--wait', String(lockSecondsMax), lockFile, ...bounded], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  });
  const [code] = (await once(apt, 'exit')) as [number | null];
  return code === 0;
}
