/** Thread entry of a web server: Piscina calls the default export. */
import type { ActorTask } from '../lib/transport/actor-control.js'
import { type TaskOutcome, taskOutcome } from '../lib/transport/actor-task.js'

export default function webServer(task: ActorTask): Promise<TaskOutcome> {
  return taskOutcome(async () => {
    const { runWebServer } = await import('../lib/web-server/actor.js')
    await runWebServer(task)
  })
}
