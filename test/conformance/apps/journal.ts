/** What an app saw of a request that its client cannot be told in the answer: read with a later request. */

const entries = new Map<string, string[]>()
const waiting = new Map<string, (message: string) => void>()

/** Notes one thing under a key that the client chose. */
export function note(key: string, text: string): void {
  const list = entries.get(key)
  if (list === undefined) entries.set(key, [text])
  else list.push(text)
}

export function notesOf(key: string): readonly string[] {
  return entries.get(key) ?? []
}

/** Waits for a message to this key: a long poll, or a stream that goes on when its client has seen the first part. */
export function messageTo(key: string): Promise<string> {
  return new Promise(resolve => waiting.set(key, resolve))
}

/** @returns whether somebody waited for it */
export function deliver(key: string, message: string): boolean {
  const resolve = waiting.get(key)
  waiting.delete(key)
  resolve?.(message)
  return resolve !== undefined
}
