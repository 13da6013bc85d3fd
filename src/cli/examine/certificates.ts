/** The certificates of our own listeners: whether they can be read, fit their keys, and last. */
import { stat } from 'node:fs/promises';
import type { Config } from '../../config/schema.ts';
import {
  CertificateError,
  type CertificateFiles,
  dateText,
  dateTrouble,
  readCertificate,
} from '../../net/certificate.ts';
import { bad, type Diagnosis, ok, warn } from './finding.ts';

export async function examineCertificates(config: Config, nowMs: number): Promise<Diagnosis[]> {
  const pairs = [
    ['listen.tls', config.listen.tls],
    ['admin.tls', config.admin.tls],
  ] as const;
  const examined = pairs.map(([area, files]) => (files === undefined ? [] : examinePair(area, files, nowMs)));
  return (await Promise.all(examined)).flat();
}

async function examinePair(area: string, files: CertificateFiles, nowMs: number): Promise<Diagnosis[]> {
  try {
    const certificate = await readCertificate(files);
    const trouble = dateTrouble(certificate, nowMs);
    const judge = certificate.validToMs <= nowMs || certificate.validFromMs > nowMs ? bad : warn;
    const dates =
      trouble === undefined
        ? ok(area, `${files.cert}, valid until ${dateText(certificate.validToMs)}`)
        : judge(area, `${files.cert} ${trouble}`, 'renew it; a running gateway takes it over by itself');
    return [dates, ...(await examineMode(area, files.key))];
  } catch (thrown) {
    if (!(thrown instanceof CertificateError)) throw thrown;
    return [bad(area, thrown.message, `correct the files that ${area} names`)];
  }
}

/** Windows has no such modes: what it tells there means nothing. */
async function examineMode(area: string, file: string): Promise<Diagnosis[]> {
  const { mode } = await stat(file);
  if (process.platform === 'win32' || (mode & 0o007) === 0) return [];
  const says = `${file} may be read by every user of this machine (mode ${(mode & 0o777).toString(8)})`;
  return [warn(area, says, `chmod o-rwx ${file}`)];
}
