// A small file system in memory, to be filled; only root can mount one.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounts one of that size. { path, skip (false, or why there is none), fill(), free(), remove() } */
export function smallDisk(mebibytes) {
  const path = mkdtempSync(join(tmpdir(), 'muster-disk-'));
  const filler = join(path, 'filler');
  let mounted = true;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'muster-test', path], { stdio: 'ignore' });
  } catch {
    mounted = false;
  }
  return {
    path,
    skip: mounted ? false : 'a file system can be mounted by root only',
    /** Takes every block that is left. */
    fill() {
      const file = openSync(filler, 'a');
      for (let size = 1 << 20; size >= 4096;) {
        try {
          if (writeSync(file, Buffer.alloc(size)) < size) size /= 2;
        } catch (error) {
          if (error.code !== 'ENOSPC') throw error;
          size /= 2;
        }
      }
      closeSync(file);
    },
    free: () => unlinkSync(filler),
    remove() {
      if (mounted) execFileSync('umount', ['-l', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
