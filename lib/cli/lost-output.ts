/** Whoever reads what a command prints may leave before its end, as `head` does; or the disk is full. */
import { EXIT_FAILED, EXIT_PIPE } from './failure.js'

/** Ends the process as soon as what it prints can't be written. Not for what goes on without a reader, such as a server. */
export function endWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT_PIPE)
    process.stderr.write(`troupe: What was asked for can't be printed (${error.code}).\n`)
    process.exit(EXIT_FAILED)
  })
  // Without it the exit code still says what came of it.
  process.stderr.on('error', () => {})
}
