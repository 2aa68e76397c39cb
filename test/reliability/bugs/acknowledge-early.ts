/** Planted bug: writes are answered first and stored 20 ms later. */
import { LogFile } from '#store/log-file.ts';

const { append } = LogFile.prototype;

LogFile.prototype.append = function (this: LogFile, entries) {
  setTimeout(() => append.call(this, entries), 20);
};
