/**
 * Looks at the files of a TLS listener now and then. Looking beats being told: a file is replaced by a rename, by a link
 * to another folder (certbot), or by a link above it (Kubernetes), and only a look at the path itself sees them all.
 */
import type { ListenerTls } from '../../../config/schema.js'
import { fingerprintOf } from './certificates.js'

/** Time between two looks, ms: long before anybody notices an expired certificate, and a few stat calls each. */
export const LOOK_INTERVAL_MS = 2_000

/** What happens at a change. */
export interface CertificateWatchEvents {
  /** The files differ from those that are in use. @throws when they can't be used */
  onChanged(): Promise<void>
  /** They can't be used, and stay as they are. Told once for each change. */
  onUnusable(error: unknown): void
}

/** Watches until it is closed. */
export class CertificateWatch {
  readonly #tls: ListenerTls
  readonly #events: CertificateWatchEvents
  readonly #used: () => string
  readonly #timer: NodeJS.Timeout
  /** Files that could not be used, and how often they were tried. */
  #failed = { fingerprint: '', times: 0 }
  #looking = false

  /**
   * @param used what the files were that are in use
   * @param intervalMs time between two looks
   */
  constructor(tls: ListenerTls, used: () => string, intervalMs: number, events: CertificateWatchEvents) {
    this.#tls = tls
    this.#used = used
    this.#events = events
    this.#timer = setInterval(() => void this.#look(), intervalMs).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    const fingerprint = await fingerprintOf(this.#tls)
    try {
      if (fingerprint !== this.#used()) await this.#events.onChanged()
    } catch (error) {
      const times = this.#failed.fingerprint === fingerprint ? this.#failed.times + 1 : 1
      this.#failed = { fingerprint, times }
      // Not at the first look: a certificate is often replaced a moment before its key.
      if (times === 2) this.#events.onUnusable(error)
    } finally {
      this.#looking = false
    }
  }
}
