/** `troupe kill`: ends an actor at once. */
import type { Command } from 'commander'
import { ADMIN_HELP, type AdminOptions, adminClient, withAdminOptions } from './admin-options.js'

/** Adds the command. */
export function addKill(program: Command): void {
  withAdminOptions(program.command('kill'))
    .summary('end a web server or session server at once')
    .description(
      'Ends the thread of a web server or session server at once; another takes its place. Sessions are not lost, but ' +
        'requests that it was working on, and that may not be repeated, fail with 503. To take a web server out of ' +
        'service use "troupe drain".',
    )
    .argument('<name>', 'the actor, such as web-1')
    .addHelpText(
      'after',
      `
Examples:
  troupe kill web-1
  troupe kill a --config troupe.json
${ADMIN_HELP}`,
    )
    .action(runKill)
}

async function runKill(name: string, options: AdminOptions): Promise<void> {
  const client = await adminClient(options)
  const answer = await client.post<{ readonly killed: string }>(`/actors/${encodeURIComponent(name)}/kill`)
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(answer)}\n`
      : `Killed ${answer.killed}. Another takes its place.\n`,
  )
}
