/** Thread entry of a session server: Piscina calls the default export. */
import type { ActorTask } from '../lib/transport/actor-control.js'
import { type TaskOutcome, taskOutcome } from '../lib/transport/actor-task.js'

export default function sessionServer(task: ActorTask): Promise<TaskOutcome> {
  return taskOutcome(async () => {
    const { runSessionServer } = await import('../lib/session-server/actor.js')
    await runSessionServer(task)
  })
}
