/** What programs give Troupe in place of a configuration file. */
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { configFile } from '../config/file-format.js'
import type { Config } from '../config/schema.js'

/** As in a configuration file (docs/configuration.md). Relative paths in it are relative to `process.cwd()`. */
export type Configuration = Omit<z.input<typeof configFile>, '$schema' | 'app'> & {
  /** The app's module: a path, or a URL such as `new URL('./app.js', import.meta.url)`. */
  readonly app: string | URL
}

/** A configuration file, with what is stronger than it, as for `troupe start`. */
export interface ConfigurationFile {
  /** The file: a path or a URL. */
  readonly config: string | URL
  readonly app?: string | URL
  /** `listen.port` */
  readonly port?: number
  /** `webServers.threads` */
  readonly threads?: number
}

/** A level of `log.level`. */
export type LogLevel = Config['log']['level']

/** A logger of pino's, a level for one to standard output, or false for none. */
export type LogOption = Logger | LogLevel | false

/** @returns a path, of a path or a `file:` URL, also one in a text */
export function pathOf(place: string | URL): string {
  return place instanceof URL || place.startsWith('file:') ? fileURLToPath(place) : place
}

/** Options of `start`. */
export interface StartOptions {
  /** Default: as the configuration's `log` says, to standard output. */
  readonly log?: LogOption
  /** The name of this host, where the configuration has `hosts`: that of the web servers. */
  readonly host?: string
}
