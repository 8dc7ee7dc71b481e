/** An actor that answers everything but a request to stop. */
import type { ActorTask } from '../../../lib/transport/actor-control.js'
import { runActor, type TaskOutcome, taskOutcome } from '../../../lib/transport/actor-task.js'

export default function unstoppable(task: ActorTask): Promise<TaskOutcome> {
  return taskOutcome(() =>
    runActor(task, () => ({
      echo: async (value: unknown) => value,
      stop: () => new Promise(() => undefined),
    })),
  )
}
