#!/usr/bin/env node
/** The command line: finds the command, runs it, and turns what it throws into a message and an exit code. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { addCheck } from './check.js'
import { EXIT_REFUSED, fail } from './failure.js'
import { addImport } from './import.js'
import { addSchema } from './schema.js'
import { addStart } from './start.js'

const program = new Command('troupe')
  .description(
    'A web application server for Node.js whose sessions survive crashes, deploys and lost machines.',
  )
  .version(versionOfPackage(), '-V, --version')
  .showHelpAfterError('(add --help for what there is)')
  // Set before the commands are added, so that they inherit it: a usage error is to exit with 2, like one of the file.
  .exitOverride()

addStart(program)
addCheck(program)
addImport(program)
addSchema(program)

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
