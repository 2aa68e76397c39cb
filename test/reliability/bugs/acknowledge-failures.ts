/** Planted bug: writes that the disk refused are acknowledged. */
import { LogFile } from '#store/log-file.ts';

const { append } = LogFile.prototype;

LogFile.prototype.append = function (this: LogFile, entries) {
  try {
    append.call(this, entries);
  } catch {
    // The bug: nobody is told.
  }
};
