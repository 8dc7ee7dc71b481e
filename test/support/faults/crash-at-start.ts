/** An actor that dies before it exposes anything. */
import { type TaskOutcome, taskOutcome } from '../../../lib/transport/actor-task.js'
import { richError } from './faults.js'

export default function crashAtStart(): Promise<TaskOutcome> {
  return taskOutcome(async () => {
    throw richError()
  })
}
