/** What `troupe start` does, for programs: validates, looks at what must be there, and starts. */
import { type Logger, pino } from 'pino'
import { partOfHost } from '../config/host-part.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { validateConfig } from '../config/validate.js'
import type { Cluster } from '../director/cluster.js'
import { type ActorOutput, loggedOutput } from '../director/logs/actor-output.js'
import { createLog, outputFor } from '../setup/log.js'
import { asPortError, checkApp, checkCertificates, checkPorts } from '../setup/preflight.js'
import { rereading } from '../setup/reread.js'
import { withSecretOfFile } from '../setup/secret-file.js'
import { makeFolders } from '../setup/store-folders.js'
import { start } from '../start.js'
import { AppLoadError } from '../web-server/adapters/errors.js'
import {
  type Configuration,
  type ConfigurationFile,
  type LogOption,
  pathOf,
  type StartOptions,
} from './configuration.js'
import { HostWithoutWebServersError } from './errors.js'

/** See `start` of 'troupe'. */
export async function startCluster(
  configuration: Configuration | ConfigurationFile,
  { log: logOption, host }: StartOptions,
): Promise<Cluster> {
  const loaded = await load(configuration, host)
  const part = partOfHost(loaded.config, host)
  if (!part.isWebHost) throw new HostWithoutWebServersError(host)
  const log = logOption === undefined ? createLog(loaded.config.log) : logOf(logOption)
  for (const warning of loaded.warnings) log.warn(warning)
  await makeFolders(part)
  await checkApp(loaded.config)
  await checkCertificates(loaded.config)
  await checkPorts(loaded.config)
  const config: Config = await withSecretOfFile(loaded)
  try {
    const output = outputOf(logOption, config, log)
    const reread = rereading(() => load(configuration, host), config)
    return await start(config, { log, reread, ...(output === undefined ? {} : { output }) })
  } catch (error) {
    throw withClass(asPortError(error, config))
  }
}

/** What a web server's thread threw has arrived without its class. */
function withClass(error: unknown): unknown {
  if (error instanceof Error && 'code' in error && error.code === 'APP_LOAD_FAILED') {
    return Object.setPrototypeOf(error, AppLoadError.prototype) as AppLoadError
  }
  return error
}

/** @returns undefined where nothing is to be logged: then what an app prints is printed as it is */
function outputOf(option: LogOption | undefined, config: Config, log: Logger): ActorOutput | undefined {
  if (option === undefined) return outputFor(config.log, log)
  return option === false ? undefined : loggedOutput(log)
}

/** @returns a logger for what the caller asked for */
export function logOf(option: LogOption): Logger {
  // With a stream of its own: pino's would have the process call it at its exit.
  if (option === false) return pino({ level: 'silent' }, { write() {} })
  return typeof option === 'string' ? pino({ level: option }) : option
}

async function load(
  configuration: Configuration | ConfigurationFile,
  host: string | undefined,
): Promise<LoadedConfig> {
  if ('config' in configuration) {
    const { config, app, port, threads } = configuration
    const overrides = { app: app === undefined ? undefined : pathOf(app), port, threads, host }
    return await loadConfig({ file: pathOf(config), overrides })
  }
  const { app } = configuration
  const raw =
    app instanceof URL || typeof app === 'string' ? { ...configuration, app: pathOf(app) } : configuration
  return validateConfig(raw, { source: 'start', folder: process.cwd(), env: process.env }, { host })
}
