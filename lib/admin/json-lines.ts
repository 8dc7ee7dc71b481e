/** Answers that come bit by bit: a JSON object a line (NDJSON). */
import type { IncomingMessage, ServerResponse } from 'node:http'

export const JSON_LINES_TYPE = 'application/x-ndjson'

/** What may wait for a reader, bytes: far more than what one command tells of itself. */
const BACKLOG_BYTES_MAX = 64 * 1024

/** @returns whether whoever asks wants to be told while it goes on */
export function wantsLines({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes(JSON_LINES_TYPE) === true
}

/** Begins such an answer. */
export function beginLines(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': `${JSON_LINES_TYPE}; charset=utf-8` })
}

/** @returns an object as a line */
export function lineOf(object: object): string {
  return `${JSON.stringify(object)}\n`
}

/** Such an answer, as something goes on: the head goes out with the first line. Nothing waits for its reader. */
export class JsonLines {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** Whether a line was written, so that the answer's status is decided. */
  get isBegun(): boolean {
    return this.#response.headersSent
  }

  /** A reader that has left, or does not read, misses it. */
  write(object: object): void {
    const response = this.#response
    if (response.destroyed) return
    if (!response.headersSent) beginLines(response)
    if (response.writableLength > BACKLOG_BYTES_MAX) response.destroy()
    else response.write(lineOf(object))
  }

  /** Writes the last one. */
  end(object: object): void {
    this.write(object)
    this.#response.end()
  }
}
