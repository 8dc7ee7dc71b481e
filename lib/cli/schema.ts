/** `troupe schema`: the JSON schema of configuration files, for editors. */
import type { Command } from 'commander'
import { configJsonSchema } from '../config/json-schema.js'

/** Adds the command. */
export function addSchema(program: Command): void {
  program
    .command('schema')
    .summary('print the JSON schema of configuration files')
    .description('Prints the JSON schema of configuration files, for "$schema" in the file and your editor.')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
    })
}
