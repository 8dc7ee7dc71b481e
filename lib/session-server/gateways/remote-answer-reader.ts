/** Reads an answer block by block, and gives its lines away once their seal has been checked. */
import { parseSeal, SEAL_MARK } from '../protocol/seal.js'
import { answerMac, digestOf, isSame } from '../protocol/signature.js'

const LINE_FEED = 0x0a
const SEAL_BYTE = SEAL_MARK.charCodeAt(0)
/** Largest block, bytes: a look-up of many large sessions is one line. */
const BLOCK_BYTES_MAX = 256 * 1024 * 1024

/** What an answer is checked against. */
export interface ReaderOptions {
  /** Null when the request was not signed. */
  readonly secret: string | null
  readonly nonce: string
  readonly status: number
  /** Called for each line of a block whose seal was right, in order. */
  onLine(line: string): void
}

export class AnswerReader {
  readonly #options: ReaderOptions
  #held: Buffer[] = []
  #heldBytes = 0
  #index = 0
  #isComplete = false

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Whether the last seal has come. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** @returns null, or what is wrong with the answer: nothing of it counts from there on */
  add(chunk: Buffer): string | null {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes > BLOCK_BYTES_MAX) return `a block of more than ${BLOCK_BYTES_MAX} bytes`
    // Every block ends with a line feed, so what does not contain one can't complete it.
    return chunk.includes(LINE_FEED) ? this.#readBlocks() : null
  }

  #readBlocks(): string | null {
    let bytes =
      this.#held.length === 1 && this.#held[0] !== undefined ? this.#held[0] : Buffer.concat(this.#held)
    for (let seal = sealIn(bytes); seal !== null; seal = sealIn(bytes)) {
      const wrong = this.#openBlock(
        bytes.subarray(0, seal.from),
        bytes.toString('latin1', seal.from, seal.to),
      )
      if (wrong !== null) return wrong
      bytes = bytes.subarray(seal.to + 1)
    }
    this.#held = bytes.length === 0 ? [] : [bytes]
    this.#heldBytes = bytes.length
    return null
  }

  #openBlock(lines: Buffer, sealLine: string): string | null {
    const { secret, nonce, status, onLine } = this.#options
    const seal = parseSeal(sealLine)
    if (seal === null) return 'a seal of an unknown form'
    if (this.#isComplete) return 'a block after the last'
    if (secret !== null) {
      const block = { nonce, status, index: this.#index, isLast: seal.isLast, digest: digestOf(lines) }
      if (seal.mac === null || !isSame(seal.mac, answerMac(secret, block)))
        return 'a seal made with another key'
    }
    this.#index++
    this.#isComplete = seal.isLast
    for (const line of lines.toString('utf8').split('\n')) if (line !== '') onLine(line)
    return null
  }
}

/** Where the first seal stands, without its line feed; null when none has arrived whole. */
function sealIn(bytes: Buffer): { readonly from: number; readonly to: number } | null {
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(LINE_FEED, from)
    if (to < 0) return null
    if (bytes[from] === SEAL_BYTE) return { from, to }
    from = to + 1
  }
  return null
}
