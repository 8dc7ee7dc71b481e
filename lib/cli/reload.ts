/** `troupe reload`: new code and new configuration, without a failed request. */
import type { Command } from 'commander'
import type { ReloadResult } from '../director/command-results.js'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'
import { showLongWork } from './long-work.js'
import { durationText } from './texts.js'

/** Adds the command. */
export function addReload(program: Command): void {
  withAdminOptions(program.command('reload'))
    .summary('load the app and the configuration anew')
    .description(
      'Replaces the web servers, one after the other, by new ones that load the app and the configuration anew. No ' +
        'request fails and no session is lost. If the new code does not start, the old code keeps serving, and the ' +
        'error is shown.',
    )
    .addHelpText(
      'after',
      `
Examples:
  troupe reload
  troupe reload --config troupe.json
  troupe reload --admin http://10.0.0.1:9090 --json

Ctrl-C ends the watching, not the reload.
${ADMIN_HELP}`,
    )
    .action(runReload)
}

async function runReload(options: AdminOptions): Promise<void> {
  await showLongWork<ReloadResult>(await adminClient(options), {
    name: 'the reload',
    path: '/reload',
    isJson: options.json === true,
    summary: ({ replaced, webServers }, ms) => {
      const pairs = replaced.map(({ from, to }) => `${from} by ${to}`).join(', ')
      return `Reloaded in ${durationText(ms)}: ${pairs}. Web servers: ${webServers.join(', ')}.`
    },
  })
}
