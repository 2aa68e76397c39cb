/** Certificates and keys that the control plane is started with. */
import { readFileSync } from 'node:fs';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';

/** Reads the files of a TLS server. Throws when one cannot be read. */
export function readTls(files: {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}): typeof files {
  const pem = (file: string): string => readFileSync(file, 'utf8');
  return { cert: pem(files.cert), key: pem(files.key), ca: pem(files.ca) };
}

/** The client's certificate of a kubeconfig. Throws when it has none. */
export function clientTls(kubeconfig: string): { cert: string; key: string; ca: string } {
  const { cert, key, ca } = loadKubeconfig(kubeconfig);
  if (cert === undefined || key === undefined || ca === undefined) {
    throw new Error(`${kubeconfig} has no client certificate, or no authority`);
  }
  return { cert, key, ca };
}
