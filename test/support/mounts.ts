/** File systems of a test's own, where this user may mount. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system in memory, gone when the test ends. */
export class SmallDisk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /**
   * @param size as in `mount`: 16m
   * @returns null when this user may not mount
   */
  static mount(t: { teardown(end: () => unknown): unknown }, size: string): SmallDisk | null {
    const disk = new SmallDisk(mkdtempSync(join(tmpdir(), 'troupe-disk-')))
    // Not a folder of tap's: it would be removed before it is unmounted.
    t.teardown(() => rmSync(disk.path, { recursive: true }))
    try {
      mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk.path)
    } catch {
      return null
    }
    t.teardown(() => execFileSync('umount', ['--lazy', disk.path]))
    return disk
  }

  /** @param options as in `mount`: size=16m, ro */
  remount(...options: string[]): void {
    mount('-o', ['remount', ...options].join(), this.path)
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'pipe' })
}
