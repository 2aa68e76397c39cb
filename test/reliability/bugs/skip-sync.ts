/** Planted bug: the disk is never asked to keep anything. */
import { DatabaseSync } from 'node:sqlite';

const { exec } = DatabaseSync.prototype;

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql) {
  exec.call(this, sql.replace(/synchronous = \w+/, 'synchronous = OFF'));
};
