/** `troupe init`: writes what an app needs to be run for real: a configuration, and the secret that it names. */
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { loadConfig } from '../config/load.js'
import { TroupeError } from '../errors.js'
import { makeSecretFile } from '../setup/secret-file.js'
import { CONFIG_NAME } from './admin-options.js'
import { EXIT_INTERRUPTED } from './failure.js'
import { wholeNumberOption } from './options.js'

interface InitOptions {
  readonly app?: string
  readonly port?: number
  readonly adminPort?: number
  readonly force?: boolean
  readonly yes?: boolean
}

/** There is a file already where one was to be written. */
export class FileExistsError extends TroupeError {
  readonly code = 'FILE_EXISTS'
}

/** What was decided, by options, by answers, or by what is there. */
interface Plan {
  readonly app: string
  readonly port: number
  readonly adminPort: number
}

const PORT_MAX = 65_535
const PORT_DEFAULT = 8080
const ADMIN_PORT_DEFAULT = 9090
/** Where the secret and the copies of sessions are kept: for nobody else's eyes. */
const DATA_FOLDER = 'data'
const SECRET_NAME = 'session-secret'
/** Names that apps mostly have, the likeliest first. */
const APP_NAMES = ['app', 'server', 'index', 'main', 'src/app', 'src/server', 'src/index'].flatMap(name =>
  ['js', 'mjs', 'cjs'].map(extension => `${name}.${extension}`),
)
/** Written where there is no app; as .mjs it is a module in every folder. */
const EXAMPLE_NAME = 'app.mjs'
const EXAMPLE = `// req.session is kept in memory and copied to the session servers of troupe.json.
export default (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1
  res.end(\`You were here \${req.session.visits} times.\\n\`)
}
`

/** Adds the command. */
export function addInit(program: Command): void {
  program
    .command('init')
    .summary('write a configuration and a secret')
    .description(
      `Writes ${CONFIG_NAME}, and the secret that signs session cookies to ${DATA_FOLDER}/${SECRET_NAME}, which only this ` +
        'user may read. Where there is no app it writes a small one. Nothing that exists is overwritten, but for ' +
        `${CONFIG_NAME} with --force. Asks on a terminal, for what no option says.`,
    )
    .argument('[folder]', 'where; default: here', '.')
    .option('--app <file>', "the app's module, relative to the folder; default: what is found")
    .option(
      '-p, --port <number>',
      `port for browsers; default ${PORT_DEFAULT}`,
      wholeNumberOption(0, PORT_MAX),
    )
    .option(
      '--admin-port <number>',
      `port of the admin listener; default ${ADMIN_PORT_DEFAULT}`,
      wholeNumberOption(0, PORT_MAX),
    )
    .option('-f, --force', `overwrite ${CONFIG_NAME}; a secret stays, or all visitors would be logged out`)
    .option('-y, --yes', 'ask nothing')
    .addHelpText(
      'after',
      `
Examples:
  troupe init
  troupe init shop --app server.js --port 3000 --yes

Exit codes: 0 written, 1 failed, 2 refused (command line, or ${CONFIG_NAME} is there).`,
    )
    .action(runInit)
}

async function runInit(place: string, options: InitOptions): Promise<void> {
  const folder = resolve(place)
  const file = join(folder, CONFIG_NAME)
  if (options.force !== true && (await exists(file))) throw existsError(file)
  const plan = await planOf(folder, options)
  await mkdir(join(folder, DATA_FOLDER), { recursive: true, mode: 0o700 })
  const written = [
    ...(await writeNew(join(folder, plan.app), EXAMPLE, plan.app === EXAMPLE_NAME)),
    ...(await writeConfig(file, folder, plan, options.force === true)),
    ...((await makeSecretFile(join(folder, DATA_FOLDER, SECRET_NAME)))
      ? [join(folder, DATA_FOLDER, SECRET_NAME)]
      : []),
    // A secret that was committed is none any more.
    ...(await writeNew(join(folder, DATA_FOLDER, '.gitignore'), '*\n', true)),
  ]
  // What was written is to be good: a port twice, for one, is told now rather than at the start.
  await loadConfig({ file })
  const here = (path: string) => relative(process.cwd(), path) || basename(path)
  for (const path of written) process.stdout.write(`wrote ${here(path)}\n`)
  process.stdout.write(`Next: npx troupe dev -c ${here(file)}, or npx troupe start -c ${here(file)}\n`)
}

async function planOf(folder: string, options: InitOptions): Promise<Plan> {
  const found = options.app ?? (await findApp(folder)) ?? EXAMPLE_NAME
  const { port = PORT_DEFAULT, adminPort = ADMIN_PORT_DEFAULT } = options
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true
  if (options.yes === true || !isTerminal) return { app: found, port, adminPort }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // Ctrl-C and Ctrl-D close it, and no answer comes any more. Nothing is written yet.
  const leave = () => process.exit(EXIT_INTERRUPTED)
  terminal.once('close', leave)
  const ask = async (what: string, proposed: string) =>
    (await terminal.question(`${what} (${proposed}): `)).trim() || proposed
  const askPort = async (what: string, proposed: number) => {
    for (;;) {
      const answer = await ask(what, String(proposed))
      if (/^\d{1,5}$/.test(answer) && Number(answer) <= PORT_MAX) return Number(answer)
      process.stdout.write(`A port is a whole number from 0 to ${PORT_MAX}.\n`)
    }
  }
  try {
    return {
      app: options.app ?? (await ask("The app's module", found)),
      port: options.port ?? (await askPort('Port for browsers', port)),
      adminPort: options.adminPort ?? (await askPort('Port of the admin listener', adminPort)),
    }
  } finally {
    terminal.off('close', leave)
    terminal.close()
  }
}

/** @returns "main" of the package, or a file with one of the usual names */
async function findApp(folder: string): Promise<string | null> {
  const main = await mainOf(join(folder, 'package.json'))
  for (const name of [...(main === null ? [] : [main]), ...APP_NAMES]) {
    if (await exists(join(folder, name))) return name
  }
  return null
}

async function mainOf(manifest: string): Promise<string | null> {
  try {
    const { main }: { main?: unknown } = JSON.parse(await readFile(manifest, 'utf8'))
    return typeof main === 'string' ? main : null
  } catch {
    // There is none, or none that says anything: then the usual names are looked for.
    return null
  }
}

async function writeConfig(file: string, folder: string, plan: Plan, force: boolean): Promise<string[]> {
  const schema = 'node_modules/troupe/config/schema.json'
  const config = {
    ...((await exists(join(folder, schema))) ? { $schema: `./${schema}` } : {}),
    app: plan.app,
    listen: { host: '127.0.0.1', port: plan.port },
    sessionServers: ['a', 'b'].map(name => ({ name, store: 'lmdb', path: `${DATA_FOLDER}/${name}` })),
    session: { secretFile: `${DATA_FOLDER}/${SECRET_NAME}`, ttl: '30m' },
    admin: { host: '127.0.0.1', port: plan.adminPort },
  }
  const text = `${JSON.stringify(config, null, 2)}\n`
  if (!force) {
    const written = await writeNew(file, text, true)
    if (written.length === 0) throw existsError(file)
    return written
  }
  await writeFile(file, text)
  return [file]
}

/** @returns what was written: nothing where there is a file, or where it is not wanted */
async function writeNew(path: string, text: string, isWanted: boolean): Promise<string[]> {
  if (!isWanted) return []
  try {
    await writeFile(path, text, { flag: 'wx' })
    return [path]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return []
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

function existsError(file: string): FileExistsError {
  return new FileExistsError(`${file} exists. With --force it is overwritten.`)
}
