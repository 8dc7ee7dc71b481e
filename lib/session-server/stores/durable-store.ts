/** What a store that outlives its process adds to a {@link CopyStore}. */
import type { CopyStore } from '../../replication/copy-store.js'

/**
 * Reads see every change at once; a change lasts once a {@link DurableStore.commit} that was called after it has
 * resolved. What a reader or an owner is told of it has to wait until then.
 */
export interface DurableStore extends CopyStore {
  /** Whether there are changes that no commit has taken along yet. */
  readonly isDirty: boolean
  /**
   * Makes all changes so far last, all or none of them. Called again only after it has resolved.
   * @throws (as a rejection) why it can keep copies no more; nothing else may be called then
   */
  commit(): Promise<void>
  /** Whether {@link compact} should be called now. @param now ms, of any clock; asked some times a second */
  isCompactionDue(now: number): boolean
  /**
   * Puts what was committed in order, beside commits and reads: without it commits would take more and more room, and
   * expired copies would not be found.
   * @throws (as a rejection) why it can keep copies no more; nothing else may be called then
   */
  compact(): Promise<void>
  /** @returns what a method threw, as the error that tells an operator why it can keep copies no more */
  asError(thrown: unknown): Error
  /** Lets go of the files. What was not committed is lost. */
  close(): Promise<void>
}
