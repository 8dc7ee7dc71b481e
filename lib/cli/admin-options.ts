/** Options of every command that talks to a running cluster, and where they say that it is. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { type AdminPart, loadAdminPart } from '../config/admin-part.js'
import { TroupeError } from '../errors.js'
import type { AdminClient, AdminPlace } from './admin-client.js'

/** What Commander makes of them. */
export interface AdminOptions {
  readonly config?: string
  readonly admin?: string
  readonly token?: string
  readonly json?: boolean
}

/** Nothing says where the cluster is. */
export class AdminUnknownError extends TroupeError {
  readonly code = 'ADMIN_UNKNOWN'
}

/** What the file is called that `troupe init` writes. */
export const CONFIG_NAME = 'troupe.json'

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1'])

/** The end of every such command's help. */
export const ADMIN_HELP = `
It asks the admin listener of the running cluster, which is looked for at --admin, or else where the "admin" of the
configuration file says. Its token: --token, or TROUPE_ADMIN_TOKEN, or that of the file.
Exit codes: 0 done, 1 failed, 2 refused (command line, token, or not now), 3 no cluster answers.`

/** Adds the options. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', `configuration file of the cluster; default ${CONFIG_NAME}, if it is here`)
    .option('-a, --admin <url>', 'address of the admin listener, such as http://127.0.0.1:9090')
    .option(
      '--token <token>',
      'token of the admin listener; other users of this machine can see it in the list of processes',
    )
    .option('--json', 'answer in JSON, for programs')
}

/** @returns the way to the cluster. @throws AdminUnknownError, or what is wrong with the configuration file */
export async function adminClient(options: AdminOptions): Promise<AdminClient> {
  const place = await placeOf(options)
  // Loaded only now: a server that runs for months has no use for it.
  const { AdminClient } = await import('./admin-client.js')
  return new AdminClient(place)
}

async function placeOf({ admin, token, config }: AdminOptions): Promise<AdminPlace> {
  // A variable that is set to nothing, as by a container's runtime, says nothing.
  const given = token ?? (process.env.TROUPE_ADMIN_TOKEN || null)
  if (admin !== undefined) {
    const url = checkedUrl(admin)
    if (given !== null || config === undefined) return { url, token: given }
    return { url, token: (await loadAdminPart(config, process.env))?.token ?? null }
  }
  const file = config ?? (existsSync(CONFIG_NAME) ? CONFIG_NAME : null)
  if (file === null) {
    throw new AdminUnknownError(
      `Nothing says where the cluster is: there is no ${CONFIG_NAME} here. Give --config FILE, or --admin URL.`,
    )
  }
  const part = await loadAdminPart(file, process.env)
  if (part === null) {
    throw new AdminUnknownError(
      `admin: ${file} has no admin listener. Add "admin": { "port": 9090 } to it and start the cluster with it, or give --admin URL.`,
    )
  }
  return { url: urlOf(file, part), token: given ?? part.token }
}

function urlOf(file: string, { host, port, address }: AdminPart): string {
  if (port === 0) {
    throw new AdminUnknownError(
      `admin.port: in ${file} it is 0, which picks a free one at each start. Give --admin URL, or a port.`,
    )
  }
  if (EVERYWHERE.has(host)) return httpUrl(address ?? (host === '::' ? '::1' : '127.0.0.1'), port)
  return httpUrl(LOOPBACK.has(host) ? host : (address ?? host), port)
}

function httpUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function checkedUrl(text: string): string {
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : null
  if (url !== null) return `${url.origin}${url.pathname.replace(/\/$/, '')}`
  throw new AdminUnknownError(
    `--admin: found ${JSON.stringify(text)}, expected an address such as http://127.0.0.1:9090.`,
  )
}
