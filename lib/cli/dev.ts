/** `troupe dev`: runs an app while it is being written. One web server, replaced at each change; sessions stay. */
import { relative, resolve, sep } from 'node:path'
import { inspect } from 'node:util'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { partOfHost } from '../config/host-part.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import type { Cluster } from '../director/cluster.js'
import { ReloadFailedError } from '../director/command-errors.js'
import { createLog, flushLog } from '../setup/log.js'
import { checkApp, checkCertificates, checkPorts } from '../setup/preflight.js'
import { rereading } from '../setup/reread.js'
import { withSecretOfFile } from '../setup/secret-file.js'
import { makeFolders } from '../setup/store-folders.js'
import { Changes } from './changes.js'
import { failureText } from './failure.js'
import { wholeNumberOption } from './options.js'
import { onReloadSignal, stopSignal } from './signals.js'
import { announce, startCluster } from './start.js'
import { syntaxErrorText } from './syntax-place.js'
import { durationText } from './texts.js'
import { WatchedFiles } from './watched-files.js'

interface DevOptions {
  readonly config?: string
  readonly port?: number
  readonly watch?: readonly string[]
}

/** Whoever writes an app does not wait for the requests of before: a page that listens to events never ends. ms */
const DRAIN_MS_MAX = 1_000

/** Adds the command. */
export function addDev(program: Command): void {
  program
    .command('dev')
    .summary('run an app while you write it')
    .description(
      'Runs an app with one web server, and replaces that each time a file changes: sessions stay, and no request ' +
        'fails. If the new code does not start, its error is shown and the old code keeps serving.',
    )
    .argument('[app]', 'path of the app\'s module; stronger than the file\'s "app"')
    .option('-c, --config <file>', 'configuration file; without it every setting has its default')
    .option(
      '-p, --port <number>',
      'port to listen on; stronger than listen.port',
      wholeNumberOption(0, 65_535),
    )
    .option(
      '-w, --watch <place...>',
      'folders and files to watch; default: this folder, or that of the app, without node_modules and hidden folders',
    )
    .addHelpText(
      'after',
      `
Examples:
  troupe dev app.js
  troupe dev --config troupe.json
  troupe dev dist/app.js --watch dist views

Of the configuration, webServers.threads and autoscale do not count here, and drainTimeout only below one second.
Ctrl-C stops it.
Exit codes: 0 stopped, 1 failed, 2 refused (command line, configuration, port, folder).`,
    )
    .action(runDev)
}

async function runDev(app: string | undefined, options: DevOptions): Promise<void> {
  const load = async () =>
    forDevelopment(await loadConfig({ file: options.config, overrides: { app, port: options.port } }))
  const loaded = await load()
  const log = createLog(loaded.config.log)
  for (const warning of loaded.warnings) log.warn(warning)
  await makeFolders(partOfHost(loaded.config, undefined))
  await checkApp(loaded.config)
  await checkCertificates(loaded.config)
  await checkPorts(loaded.config)
  const config = await withSecretOfFile(loaded)
  const stopping = stopSignal()
  const changes = new Changes()
  onReloadSignal(() => changes.add('SIGHUP'))
  const files = new WatchedFiles({
    ...placesOf(config, options),
    onChange: path => changes.add(path),
    onTrouble: error => log.warn({ err: error }, 'some files are not watched'),
  })
  await files.open()
  const cluster = await serve(config, { changes, log, stopping, reread: rereading(load, config) })
  files.close()
  await cluster?.stop()
  log.info('stopped')
  await flushLog(log)
  process.exit(0)
}

interface Serving {
  readonly changes: Changes
  readonly log: Logger
  readonly stopping: Promise<NodeJS.Signals>
  readonly reread: () => Promise<Config>
}

/** Serves whatever there is to serve, until it is to stop. @returns what is to be stopped */
async function serve(config: Config, { changes, log, stopping, reread }: Serving): Promise<Cluster | null> {
  const over = new AbortController()
  void stopping.then(() => {
    over.abort()
    changes.end()
  })
  let cluster: Cluster | null = null
  let present = config
  let changed: readonly string[] = []
  while (!over.signal.aborted) {
    const begunAt = performance.now()
    try {
      if (cluster === null) {
        const starting = startCluster(present, log, reread)
        cluster = await Promise.race([starting, stopping.then(() => null)])
        if (cluster !== null) announce(cluster, present, log)
      } else {
        await Promise.race([cluster.reload(), stopping])
        if (!over.signal.aborted) {
          log.info(`serves the new code, after ${durationText(performance.now() - begunAt)}`)
        }
      }
    } catch (error) {
      if (over.signal.aborted) break
      const text = await errorText(error, [...changed, config.app.file])
      log.error(
        `${text}\n${cluster === null ? '' : 'The code from before keeps serving. '}Waiting for a change.`,
      )
    }
    changed = await changes.next()
    if (changed.length > 0) log.info(`changed: ${changed.map(shortPath).join(', ')}`)
    // Nothing runs yet that would read it by itself.
    if (cluster === null && !over.signal.aborted) present = await rereadOr(present, reread, log)
  }
  return cluster
}

async function rereadOr(present: Config, reread: () => Promise<Config>, log: Logger): Promise<Config> {
  try {
    return await reread()
  } catch (error) {
    log.error(failureText(error))
    return present
  }
}

/** @returns what is wrong, and in which file: that of a syntax error is among those that have changed */
async function errorText(error: unknown, files: readonly string[]): Promise<string> {
  // What a reload adds to it is known to whoever sees the change at once.
  const cause = error instanceof ReloadFailedError ? error.cause : error
  const place = inspect(cause).includes('SyntaxError') ? await syntaxErrorText(files) : null
  return place === null ? failureText(cause) : place
}

function forDevelopment(loaded: LoadedConfig): LoadedConfig {
  const { config } = loaded
  return {
    ...loaded,
    config: {
      ...config,
      webServers: { ...config.webServers, threads: 1, autoscale: null },
      drainTimeoutMs: Math.min(config.drainTimeoutMs, DRAIN_MS_MAX),
    },
  }
}

function placesOf({ app, sessionServers }: Config, { watch, config }: DevOptions) {
  const here = process.cwd()
  const folder = app.file.startsWith(`${here}${sep}`) ? here : resolve(app.file, '..')
  const places = watch === undefined ? [folder] : watch.map(place => resolve(place))
  return {
    places: [...places, app.file, ...(config === undefined ? [] : [resolve(config)])],
    except: sessionServers.flatMap(({ store }) => (store.kind === 'lmdb' ? [store.path] : [])),
  }
}

function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}
