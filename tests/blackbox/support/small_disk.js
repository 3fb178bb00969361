// A small file system in memory, to be filled; mounted by root or through sudo, as the set-up installs packages.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const asRoot = (...command) => {
  const [program, ...args] = process.getuid() === 0 ? command : ['sudo', '-n', ...command];
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** Mounts one of that size. { path, skip (false, or why there is none), fill(), free(), remove() } */
export function smallDisk(mebibytes) {
  const path = mkdtempSync(join(tmpdir(), 'muster-disk-'));
  const filler = join(path, 'filler');
  let skip = false;
  try {
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700,uid=${process.getuid()},gid=${process.getgid()}`, 'muster-test', path);
  } catch (error) { // in a container that may not mount; nothing else makes a disk full without filling the machine's
    skip = `no file system can be mounted here: ${(error.stderr?.toString().trim() || error.message).split('\n')[0]}`;
  }
  return {
    path,
    skip,
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
      if (!skip) asRoot('umount', '-l', path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
