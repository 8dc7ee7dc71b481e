/** `troupe drain`: takes a web server out of service. */
import type { Command } from 'commander'
import type { DrainResult } from '../director/command-results.js'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'
import { showLongWork } from './long-work.js'
import { durationText } from './texts.js'

/** Adds the command. */
export function addDrain(program: Command): void {
  withAdminOptions(program.command('drain'))
    .summary('take a web server out of service')
    .description(
      'Takes a web server out of service: it hands its sessions over to the others, finishes its requests and ends. None ' +
        'replaces it; "troupe scale" brings another.',
    )
    .argument('<name>', 'the web server, such as web-2')
    .addHelpText(
      'after',
      `
Examples:
  troupe drain web-2
  troupe drain web-2 --config troupe.json

Ctrl-C ends the watching, not the draining.
${ADMIN_HELP}`,
    )
    .action(runDrain)
}

async function runDrain(name: string, options: AdminOptions): Promise<void> {
  await showLongWork<DrainResult>(await adminClient(options), {
    name: `the draining of ${name}`,
    path: `/actors/${encodeURIComponent(name)}/drain`,
    isJson: options.json === true,
    summary: ({ stopped, webServers }, ms) =>
      `Drained ${stopped} in ${durationText(ms)}. Web servers: ${webServers.join(', ')}.`,
  })
}
