#!/usr/bin/env node
/** The command line: finds the command, runs it, and turns what it throws into a message and an exit code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addCheck } from './check.js'
import { addDev } from './dev.js'
import { addDrain } from './drain.js'
import { EXIT_REFUSED, fail } from './failure.js'
import { addImport } from './import.js'
import { addInit } from './init.js'
import { addKill } from './kill.js'
import { endWithoutReader } from './lost-output.js'
import { addReload } from './reload.js'
import { addScale } from './scale.js'
import { addSchema } from './schema.js'
import { addSessions } from './sessions.js'
import { addStart } from './start.js'
import { addStatus } from './status.js'

const program = new Command('troupe')
  .description(
    'A web application server for Node.js whose sessions survive crashes, deploys and lost machines.',
  )
  .version(versionOfPackage(), '-V, --version')
  .showHelpAfterError('(add --help for what there is)')
  // Set before the commands are added, so that they inherit it: a usage error is to exit with 2, like one of the file.
  .exitOverride()

program.commandsGroup('Run an app:')
addInit(program)
addDev(program)
addStart(program)
addCheck(program)
program.commandsGroup('Run a cluster that is there:')
addStatus(program)
addReload(program)
addScale(program)
addDrain(program)
addKill(program)
addSessions(program)
program.commandsGroup('And:')
addImport(program)
addSchema(program)
program.addHelpCommand(
  new Command('help [command]').description('show the help of a command').helpGroup('And:'),
)

// What serves goes on without a reader.
const SERVING: ReadonlySet<string> = new Set(['start', 'dev'])
program.hook('preAction', (_program, command) => {
  if (!SERVING.has(command.name())) endWithoutReader()
})

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) fail(error)
  // Commander has said what it had to say; help and version that were asked for are no failure.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT_REFUSED
}

function versionOfPackage(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  return manifest.version
}
