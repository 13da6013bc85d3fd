/**
 * The thread that holds the embedded database: `node:sqlite` works while its caller waits, and an fsync or a report
 * may take long. It answers statements one after another, in the order in which they come.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import {
  closeRequest,
  type DatabaseFile,
  type SqlValue,
  type StatementReply,
  type StatementRequest,
  type StatementResult,
} from './statement.ts';

const busyTimeoutMs = 5_000;
const preparedMax = 64;

const settings = [
  'pragma journal_mode = wal',
  // A row that was kept is deleted from the spool. With NORMAL a commit is in the log but not yet on the disk, and a
  // loss of power would take rows that are then nowhere. FULL costs one fsync a batch, which is what batches are for.
  'pragma synchronous = full',
  // After a checkpoint the log shrinks back to so many bytes.
  'pragma journal_size_limit = 67108864',
  // 32 MiB: a year's sums by day are read from memory.
  'pragma cache_size = -32768',
  // What is deleted is overwritten: a key that was destroyed must not lie on in a free page.
  'pragma secure_delete = on',
  // A read-only container has no folder for temporary files.
  'pragma temp_store = memory',
];

const { path } = workerData as DatabaseFile;
const database = openDatabase();
const prepared = new Map<string, StatementSync>();

parentPort?.on('message', (request: StatementRequest | typeof closeRequest) => {
  if (request === closeRequest) close();
  else parentPort?.postMessage(answer(request));
});

function openDatabase(): DatabaseSync {
  // SQLite gives its log and index files the mode of the database: it must be narrow before there is anything in it.
  closeSync(openSync(path, 'a', 0o600));
  const opened = new DatabaseSync(path, { timeout: busyTimeoutMs, defensive: true, readBigInts: false });
  for (const setting of settings) opened.exec(setting);
  return opened;
}

/** The log is written into the database, and its file removed. */
function close(): void {
  database.close();
  parentPort?.close();
}

function answer({ id, sql, parameters }: StatementRequest): StatementReply {
  // A full disk and other grave faults have rolled back by themselves; to say so would hide the fault.
  if (sql === 'rollback' && !database.isTransaction) return { id, result: { rows: [], changes: 0 } };
  try {
    return { id, result: execute(prepare(sql), parameters) };
  } catch (error) {
    const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : undefined;
    return { id, fault: { message: error instanceof Error ? error.message : String(error), errcode } };
  }
}

/** Statements are few and come again and again. The least recently used one goes. */
function prepare(sql: string): StatementSync {
  const statement = prepared.get(sql) ?? database.prepare(sql);
  prepared.delete(sql);
  prepared.set(sql, statement);
  const [oldest] = prepared.keys();
  if (prepared.size > preparedMax && oldest !== undefined) prepared.delete(oldest);
  return statement;
}

function execute(statement: StatementSync, parameters: StatementRequest['parameters']): StatementResult {
  if (isMany(parameters)) {
    const rows =
      statement.columns().length > 0
        ? parameters.flatMap((each) => statement.all(...each))
        : parameters.map((each) => Number(statement.run(...each).changes));
    return { rows, changes: undefined };
  }
  return executeOnce(statement, parameters);
}

function isMany(parameters: StatementRequest['parameters']): parameters is readonly (readonly SqlValue[])[] {
  return Array.isArray(parameters[0]);
}

function executeOnce(statement: StatementSync, parameters: readonly SqlValue[]): StatementResult {
  if (statement.columns().length > 0) return { rows: statement.all(...parameters), changes: undefined };
  return { rows: [], changes: Number(statement.run(...parameters).changes) };
}
