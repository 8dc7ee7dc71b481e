/** One part of a stream's messages: from its bytes to the session server, and the answers back. */
import type { FromReplica, ToReplica } from '../../replication/messages.js'
import { isToReplica } from '../malformed.js'
import type { AnswerWriter } from './answer-writer.js'
import type { MessageStream } from './message-streams.js'

/** @returns the messages of a body in order, or null when one of its lines is none */
export function messagesIn(body: Buffer): ToReplica[] | null {
  const messages: ToReplica[] = []
  for (const line of body.toString('utf8').split('\n')) {
    if (line === '') continue
    const message = parsed(line)
    if (!isToReplica(message)) return null
    messages.push(message)
  }
  return messages
}

/** @returns undefined when the text is no JSON */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Hands messages on in order, no faster than their answers are read; then lets the next part go.
 * @returns when every answer was written; never when the stream ends before that
 */
export async function handOn(
  messages: readonly ToReplica[],
  stream: MessageStream,
  writer: AnswerWriter,
): Promise<void> {
  let unanswered = messages.filter(isAnswered).length
  let allAnswered: () => void = () => undefined
  const answered = new Promise<void>(resolve => {
    allAnswered = resolve
  })
  const onAnswer = (answer: FromReplica): void => {
    writer.write(answer)
    if (isLastAnswer(answer) && --unanswered === 0) allAnswered()
  }
  if (unanswered === 0) allAnswered()
  for (const message of messages) {
    await writer.drained()
    if (stream.isOver) return
    stream.server.receive(message, onAnswer)
  }
  stream.pass()
  await answered
}

function isAnswered({ type }: ToReplica): boolean {
  return type !== 'claim' && type !== 'forget'
}

function isLastAnswer(answer: FromReplica): boolean {
  return answer.type !== 'digest' || !answer.more
}
