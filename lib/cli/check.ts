/** `troupe check`: says whether a configuration file can be used, without starting anything. */
import type { Command } from 'commander'
import { partOfHost } from '../config/host-part.js'
import { loadConfig } from '../config/load.js'
import type { Config, ListenerConfig } from '../config/schema.js'
import { addressText, checkApp, checkCertificates } from '../setup/preflight.js'
import { checkFolders } from '../setup/store-folders.js'

/** Adds the command. */
export function addCheck(program: Command): void {
  program
    .command('check')
    .summary('validate a configuration file')
    .description(
      'Validates a configuration file and says what it means; reports all problems at once. With --host, or on one ' +
        'machine, also whether the stores of this machine can be written. Nothing is made or started.',
    )
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('-H, --host <name>', "which of the file's hosts this machine is")
    .addHelpText('after', '\nExit codes: 0 valid, 2 not valid.')
    .action(runCheck)
}

async function runCheck({ config: file, host }: { config: string; host?: string }): Promise<void> {
  const { config, warnings } = await loadConfig({ file, overrides: { host } })
  await checkMachine(config, host)
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
  process.stdout.write(`${file} is valid: ${summary(config)}\n`)
}

/** What of this machine the file needs. Without a host's name a file of several hosts says nothing of this machine. */
async function checkMachine(config: Config, host: string | undefined): Promise<void> {
  const isAnyHost = host === undefined && config.webServers.on !== null
  const part = isAnyHost ? null : partOfHost(config, host)
  if (part?.isWebHost !== false) await checkApp(config)
  if (part?.isWebHost === true) await checkCertificates(config)
  if (part !== null) await checkFolders(part)
}

function summary({ app, listen, hosts, webServers, sessionServers, replication }: Config): string {
  const copies = replication.copies === 'all' ? sessionServers.length : replication.copies
  const where =
    webServers.on === null ? '' : `hosts: ${Object.keys(hosts).join(', ')}, web servers on ${webServers.on}, `
  return (
    `${app.file} on ${listen.listeners.map(placeText).join(' and ')}, ${where}web servers: ${webServers.threads}, ` +
    `session servers: ${sessionServers.map(({ name, on }) => (on === null ? name : `${name} on ${on}`)).join(', ')}, ` +
    `copies of each session: ${copies}, acks: ${replication.acks}`
  )
}

function placeText({ at, tls }: ListenerConfig): string {
  const place = at.kind === 'socket' ? at.path : addressText(at)
  return tls === null ? place : `${place} (TLS)`
}
