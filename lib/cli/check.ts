/** `troupe check`: says whether a configuration file can be used, without starting anything. */
import type { Command } from 'commander'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { checkApp } from './preflight.js'

/** Adds the command. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .summary('validate a configuration file')
    .description('Validates a configuration file and says what it means; reports all problems at once.')
    .requiredOption('-c, --config <file>', 'configuration file')
    .addHelpText('after', '\nExit codes: 0 valid, 2 not valid.')
    .action(runCheck)
}

async function runCheck({ config: file }: { config: string }): Promise<void> {
  const { config, warnings } = await loadConfig({ file })
  await checkApp(config)
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  process.stdout.write(`${file} is valid: ${summary(config)}\n`)
}

function summary({ app, listen, hosts, webServers, sessionServers, replication }: Config): string {
  const copies = replication.copies === 'all' ? sessionServers.length : replication.copies
  const where =
    webServers.on === null ? '' : `hosts: ${Object.keys(hosts).join(', ')}, web servers on ${webServers.on}, `
  return (
    `${app.file} on ${listen.host}:${listen.port}, ${where}web servers: ${webServers.threads}, ` +
    `session servers: ${sessionServers.map(({ name, on }) => (on === null ? name : `${name} on ${on}`)).join(', ')}, ` +
    `copies of each session: ${copies}, acks: ${replication.acks}`
  )
}
