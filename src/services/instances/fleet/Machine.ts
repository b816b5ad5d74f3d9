import { readFile } from 'node:fs/promises';
import type { MachineEntry } from '../../../schemas/instances.js';
import { parseHeaderLine } from '../../../utils/headerLine.js';
import {
  type DnsName,
  type InstanceAddress,
  type MachineUrl,
  parseDnsName,
  parseMachineUrl,
} from '../../../utils/instanceUrls.js';

/** One ComfyUI machine of a list. */
export interface Machine {
  readonly address: InstanceAddress;
  /** Maximum number of jobs at the same time; undefined for the default. */
  readonly maxJobs: number | undefined;
  readonly labels: readonly string[];
}

/** An entry of a list: a machine, or a DNS name for the machines at its addresses. */
export type Listed = { readonly machine: Machine } | { readonly dns: DnsName; at(address: string): Machine };

/** The machines that `COMFYUI_HOST` names. */
export function listedInEnvironment(
  addresses: readonly InstanceAddress[],
  names: readonly DnsName[],
): Listed[] {
  const plain = { maxJobs: undefined, labels: [] };
  return [
    ...addresses.map((address) => ({ machine: { address, ...plain } })),
    ...names.map((dns) => ({ dns, at: (ip: string) => ({ address: named(dns.at(ip)), ...plain }) })),
  ];
}

/**
 * Reads an entry of a file or a request.
 * @throws Error that explains the problem without secrets
 */
export async function listed(entry: MachineEntry): Promise<Listed> {
  const own = {
    maxJobs: entry.max_jobs,
    labels: entry.labels ?? [],
  };
  const ca = entry.ca_file === undefined ? undefined : await readCertificates(entry.ca_file);
  const complete = (url: MachineUrl, name: string | undefined): Machine => {
    const headers = { ...url.headers, ...headerOf(entry.auth_header) };
    const tls = { ...url.tls, ...(ca === undefined ? {} : { ca }) };
    return { address: { ...url, ...named(url, name), headers, tls }, ...own };
  };
  const dns = parseDnsName(entry.url);
  if (dns) {
    if (entry.name !== undefined)
      throw new Error('name: must be omitted with dns+, which stands for several machines');
    return { dns, at: (address) => complete(dns.at(address), undefined) };
  }
  const url = parseMachineUrl(entry.url, false);
  if (!url) throw new Error('url: must be host[:port], http(s)://… or dns+http(s)://…, IPv6 in brackets');
  return { machine: complete(url, entry.name) };
}

const named = (url: MachineUrl, name = url.host): InstanceAddress => ({ ...url, id: name });

function headerOf(line: string | undefined): Record<string, string> {
  if (line === undefined) return {};
  const { name, value } = parseHeaderLine(line);
  return { [name]: value };
}

async function readCertificates(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`ca_file: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`ca_file: ${file} has no certificate`);
  return text;
}
