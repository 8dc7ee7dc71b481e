/** `troupe start`: runs an app, or the session servers of this host, until a signal says to stop. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { type HostPart, partOfHost } from '../config/host-part.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import type { Cluster } from '../director/cluster.js'
import { createLog, flushLog, isPretty, outputFor } from '../setup/log.js'
import { asPortError, checkApp, checkCertificates, checkPorts } from '../setup/preflight.js'
import { rereading } from '../setup/reread.js'
import { withSecretOfFile } from '../setup/secret-file.js'
import { makeFolders } from '../setup/store-folders.js'
import { wholeNumberOption } from './options.js'
import { onReloadSignal, stopSignal } from './signals.js'

interface StartOptions {
  readonly config?: string
  readonly port?: number
  readonly threads?: number
  readonly host?: string
}

/** Adds the command. */
export function addStart(program: Command): void {
  program
    .command('start')
    .summary('run an app')
    .description(
      'Runs an app: a module whose default export is a Node.js listener (Express, Koa), an object with fetch, a ' +
        'Fastify instance or an http.Server, or which exports create(context) that returns one of these; or a file ' +
        'that exports nothing and calls listen, as it did before: its first server is the app.',
    )
    .argument('[app]', 'path of the app\'s module; stronger than the file\'s "app"')
    .option('-c, --config <file>', 'configuration file; without it every setting has its default')
    .option(
      '-p, --port <number>',
      'port to listen on; stronger than listen.port',
      wholeNumberOption(0, 65_535),
    )
    .option(
      '-t, --threads <number>',
      'web servers; stronger than webServers.threads',
      wholeNumberOption(1, 256),
    )
    .option('-H, --host <name>', "which of the file's hosts this machine is: runs what the file puts on it")
    .addHelpText(
      'after',
      `
Examples:
  troupe start app.js
  troupe start app.js --port 3000 --threads 4
  troupe start --config troupe.json
  troupe start --config troupe.json --host store-1

SIGTERM or SIGINT (Ctrl-C) stops it after the requests in flight; a second one ends it at once.
SIGHUP loads the app and the configuration anew, one web server at a time, without a failed request.
Exit codes: 0 stopped, 1 failed (such as an app that does not load), 2 refused (command line, configuration, port, folder).`,
    )
    .action(runStart)
}

async function runStart(app: string | undefined, options: StartOptions): Promise<void> {
  const { port, threads, host } = options
  const load = () => loadConfig({ file: options.config, overrides: { app, port, threads, host } })
  const loaded = await load()
  const part = partOfHost(loaded.config, host)
  const log = createLog(loaded.config.log)
  for (const warning of loaded.warnings) log.warn(warning)
  await makeFolders(part)
  await (part.isWebHost ? runWebHost(loaded, load, log) : runSessionHost(loaded.config, part, log))
  log.info('stopped')
  await flushLog(log)
  // Before it had started nothing was served: its threads may end with the process.
  process.exit(0)
}

async function runWebHost(
  loaded: LoadedConfig,
  load: () => Promise<LoadedConfig>,
  log: Logger,
): Promise<void> {
  await checkApp(loaded.config)
  await checkCertificates(loaded.config)
  await checkPorts(loaded.config)
  const config = await withSecretOfFile(loaded)
  const stopping = stopSignal()
  const starting = startCluster(config, log, rereading(load, config))
  const cluster = await Promise.race([starting, stopping.then(() => null)])
  if (cluster === null) return
  onReloadSignal(() => void reload(cluster, log))
  announce(cluster, config, log)
  log.info(`${await stopping}: stopping`)
  await cluster.stop()
}

async function reload(cluster: Cluster, log: Logger): Promise<void> {
  log.info('SIGHUP: reloading')
  try {
    await cluster.reload()
  } catch (error) {
    log.error({ err: error }, 'reload failed')
  }
}

async function runSessionHost(config: Config, part: HostPart, log: Logger): Promise<void> {
  const stopping = stopSignal()
  onReloadSignal(() =>
    log.warn('SIGHUP: there is nothing to reload here; the web servers are on another host'),
  )
  const { startSessionHost } = await import('../host/session-host.js')
  const host = await startSessionHost(config, part, log)
  for (const [name, url] of host.urls)
    log.info({ actor: name, url }, `serves session server ${name} at ${url}`)
  log.info(`${await stopping}: stopping`)
  await host.stop()
}

/** Starts it. @throws as `start`, with what is wrong with a port. */
export async function startCluster(
  config: Config,
  log: Logger,
  reread: () => Promise<Config>,
): Promise<Cluster> {
  // Loaded only now, so that a refusal costs neither the time nor the memory of the server.
  const { start } = await import('../start.js')
  try {
    return await start(config, { log, reread, output: outputFor(config.log, log) })
  } catch (error) {
    throw asPortError(error, config)
  }
}

/** Says where it is, to people or to programs. */
export function announce({ url, urls, adminUrl }: Cluster, { log: logConfig }: Config, log: Logger): void {
  if (!isPretty(logConfig) && log.isLevelEnabled('info')) {
    log.info({ url, adminUrl, urls }, `open ${url}`)
    return
  }
  const also = urls.slice(1).map(other => `\n                    ${other}`)
  const admin = adminUrl === null ? '' : `\n  Admin listens at  ${adminUrl}/status`
  process.stdout.write(`\n  Troupe is ready:  ${url}${also.join('')}${admin}\n  Ctrl-C stops it.\n\n`)
}
