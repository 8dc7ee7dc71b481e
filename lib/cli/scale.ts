/** `troupe scale`: more web servers, or fewer. */
import type { Command } from 'commander'
import { WEB_SERVERS_MAX } from '../config/schema.js'
import type { ScaleResult } from '../director/command-results.js'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'
import { showLongWork } from './long-work.js'
import { wholeNumberOption } from './options.js'
import { countText, durationText } from './texts.js'

/** Adds the command. */
export function addScale(program: Command): void {
  withAdminOptions(program.command('scale'))
    .summary('change the number of web servers')
    .description(
      'Changes the number of web servers of the running cluster and spreads the sessions over them. No request fails ' +
        'and no session is lost. The configuration file keeps its own number, for the next start.',
    )
    .argument('<count>', 'how many there shall be', wholeNumberOption(1, WEB_SERVERS_MAX))
    .addHelpText(
      'after',
      `
Examples:
  troupe scale 8
  troupe scale 2 --config troupe.json

Ctrl-C ends the watching, not the scaling.
${ADMIN_HELP}`,
    )
    .action(runScale)
}

async function runScale(count: number, options: AdminOptions): Promise<void> {
  await showLongWork<ScaleResult>(await adminClient(options), {
    name: 'the scaling',
    path: '/scale',
    body: { webServers: count },
    isJson: options.json === true,
    summary: ({ webServers, started, stopped, partitionsInUse }, ms) => {
      const busy =
        partitionsInUse === 0 ? '' : ` ${countText(partitionsInUse, 'partition')} in use will move later.`
      const verb = started.length + stopped.length === 0 ? 'Nothing to do' : 'Scaled'
      return `${verb} in ${durationText(ms)}: ${countText(webServers.length, 'web server')}, ${webServers.join(', ')}.${busy}`
    },
  })
}
