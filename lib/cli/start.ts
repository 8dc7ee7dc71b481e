/** `troupe start`: runs an app until a signal says to stop. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import type { Cluster } from '../director/cluster.js'
import { createLog, isPretty } from './log.js'
import { wholeNumberOption } from './options.js'
import { asPortError, checkApp, checkPorts } from './preflight.js'
import { stopSignal } from './signals.js'

interface StartOptions {
  readonly config?: string
  readonly port?: number
  readonly threads?: number
}

/** Adds the command. */
export function addStart(program: Command): void {
  program
    .command('start')
    .summary('run an app')
    .description(
      'Runs an app: a module whose default export is a Node.js listener (Express, Koa), an object with fetch, or a ' +
        'Fastify instance, or which exports create(context) that returns one of these.',
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
    .addHelpText(
      'after',
      `
Examples:
  troupe start app.js
  troupe start app.js --port 3000 --threads 4
  troupe start --config troupe.json

SIGTERM or SIGINT (Ctrl-C) stops it after the requests in flight; a second one ends it at once.
Exit codes: 0 stopped, 1 failed (such as an app that does not load), 2 refused (command line, configuration, port).`,
    )
    .action(runStart)
}

async function runStart(app: string | undefined, options: StartOptions): Promise<void> {
  const { config, warnings } = await loadConfig({
    file: options.config,
    overrides: { app, port: options.port, threads: options.threads },
  })
  await checkApp(config)
  await checkPorts(config)
  const log = createLog(config.log)
  for (const warning of warnings) log.warn(warning)

  const stopping = stopSignal()
  const cluster = await Promise.race([startCluster(config, log), stopping.then(() => null)])
  if (cluster !== null) {
    announce(cluster, config, log)
    log.info(`${await stopping}: stopping`)
    await cluster.stop()
  }
  log.info('stopped')
  // Before it had started nothing was served: its threads may end with the process.
  process.exit(0)
}

async function startCluster(config: Config, log: Logger): Promise<Cluster> {
  // Loaded only now, so that a refusal costs neither the time nor the memory of the server.
  const { start } = await import('../start.js')
  try {
    return await start(config, { log })
  } catch (error) {
    throw asPortError(error, config)
  }
}

function announce({ url, adminUrl }: Cluster, { log: logConfig }: Config, log: Logger): void {
  if (!isPretty(logConfig) && log.isLevelEnabled('info')) {
    log.info({ url, adminUrl }, `open ${url}`)
    return
  }
  const admin = adminUrl === null ? '' : `\n  Admin listens at  ${adminUrl}/status`
  process.stdout.write(`\n  Troupe is ready:  ${url}${admin}\n  Ctrl-C stops it.\n\n`)
}
