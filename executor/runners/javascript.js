// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of the executor: started ahead, waits for its job, becomes the sandbox's user and runs it.
// Descriptors: 0 /dev/null, 1 and 2 the captured output, 3 the result, 4 the job (a file in memory), 5 the pipe on
// which a byte says "go", 6 this file.
// The end: the last two bytes on 3 are 0 and the exit code, and the process kills itself (endAtOnce()).
(function (require, importModule) {
    'use strict';
    const fs = require('fs');
    const vm = require('vm');
    const path = require('path');
    const url = require('url');
    const { createRequire } = require('module');
    const NOTHING = 0, RESULT = 3, JOB = 4, GO = 5, SELF = 6;
    const NAME = 'code.js';
    const MESSAGE_MAX = 2000;
    const SIGKILL = 9;
    let rehearsing = false;
    // Modules that have something to do, or to wait for, when Node.js ends in order.
    const ORDERLY = new Set(['worker_threads', 'sqlite', 'trace_events', 'inspector', 'wasi'].map(name => `NativeModule ${name}`));
    let over = false; // the outcome is known
    let run; // kept, as the code's import() is lost with it

    function waitForJob() {
        const byte = Buffer.alloc(1);
        if (fs.readSync(GO, byte, 0, 1, null) !== 1)
            process.exit(0);
        const text = fs.readFileSync(JOB, 'utf8');
        fs.closeSync(GO);
        fs.closeSync(JOB);
        return JSON.parse(text);
    }

    function dropGroups() {
        try {
            process.setgroups([]);
        } catch (e) { /* already empty, and not ours to change */ }
    }

    function becomeUser(job) {
        process.setgid(job.gid);
        process.setuid(job.uid);
        process.chdir(job.workspace);
        for (const name of Object.keys(process.env))
            delete process.env[name];
        Object.assign(process.env, job.env);
    }

    function hideRunner() {
        process.argv = [process.argv[0], NAME];
        process.execArgv = []; // a forked child would run this file again
    }

    function writeAll(fd, text) {
        const data = Buffer.from(text, 'utf8');
        let done = 0;
        while (done < data.length) {
            try {
                done += fs.writeSync(fd, data, done);
            } catch (e) {
                if (e.code !== 'EAGAIN')
                    throw e;
            }
        }
    }

    function report(kind, text) {
        writeAll(RESULT, kind + text);
    }

    // What the code wrote may not be out yet, if it is more than a pipe holds: process.exit() would lose it.
    function whenWritten(exit) {
        const open = process._getActiveHandles().filter(stream => stream && (stream.fd === 1 || stream.fd === 2) && stream.writableLength > 0);
        let left = open.length;
        if (left === 0)
            exit();
        for (const stream of open)
            stream.write('', () => --left === 0 && exit());
    }

    // What Node.js does between process.exit() and its end - it stops its threads and frees what the kernel frees anyway -
    // takes longer than a short execution and is seen by nobody. So the process leaves its exit code and kills itself. Where something might
    // still have to be done (work that threads have begun, addons, modules that write at the end), it ends in order.
    function endAtOnce() {
        const exit = process.reallyExit, load = process.dlopen, kill = process._kill;
        const requests = process._getActiveRequests, modules = process.moduleLoadList, write = fs.writeSync, pid = process.pid;
        let addons = false;
        const end = code => {
            if (addons || requests.call(process).length > 0 || modules.some(name => ORDERLY.has(name)) || rehearsing)
                return;
            try {
                write(RESULT, Buffer.from([0, code & 0xff]));
                kill.call(process, pid, SIGKILL);
            } catch (e) { /* in order, then */ }
        };
        const seen = Object.keys(process);
        const replace = (name, value) => Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: seen.includes(name) });
        replace('dlopen', function dlopen(...args) {
            addons = true;
            return load.apply(process, args);
        });
        replace('reallyExit', function reallyExit(code) {
            end(code);
            if (!rehearsing)
                exit.call(process, code);
        });
    }

    // The stack without the lines of this file and of Node itself above it.
    function stackOf(problem) {
        const text = String(problem && problem.stack || problem);
        return text.split('\n').filter(line => !/^\s+at .*(<runner>|node:internal\/|node:vm|\[eval\])/.test(line)).join('\n');
    }

    function fail(problem) {
        if (over && process._exiting) // an exit handler threw
            process.exit(1);
        if (over)
            return;
        over = true;
        let stack = '', message = '';
        try {
            stack = stackOf(problem);
            message = problem instanceof Error || Object.prototype.toString.call(problem) === '[object Error]'
                ? `${problem.name}: ${problem.message}` : `Uncaught ${String(problem)}`;
        } catch (e) { // a thrown value that cannot even be shown
            message = 'Uncaught exception';
        }
        writeAll(2, `${stack || message}\n`);
        report('E', message.slice(0, MESSAGE_MAX));
        whenWritten(() => process.exit(1));
    }

    function refuse(what, key) {
        throw new TypeError(`${what}${key === '' ? '' : ` (at "${key}")`} cannot be said in JSON`);
    }

    function checked(key, value) {
        const raw = this[key];
        if (typeof value === 'number' && !Number.isFinite(value))
            refuse(String(value), key);
        if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
            refuse(`a ${typeof value}`, key);
        if (ArrayBuffer.isView(raw) || raw instanceof ArrayBuffer)
            refuse('bytes', key);
        if (raw instanceof Map || raw instanceof Set)
            refuse(`a ${raw.constructor.name}`, key);
        return value;
    }

    function deliver(value) {
        if (over)
            return;
        over = true;
        let text;
        try {
            text = value === undefined ? 'null' : JSON.stringify(value, checked);
        } catch (e) {
            const reason = `The return value is not JSON: ${String(e && e.message).split('\n')[0].slice(0, MESSAGE_MAX)}`;
            writeAll(2, `${reason}\n`);
            report('V', reason);
            whenWritten(() => process.exit(1));
            return;
        }
        report('R', text === undefined ? 'null' : text);
        whenWritten(() => process.exit()); // timers that a handler left behind do not keep it alive
    }

    // For Node.js before 20.10, which has no constant for it; this file itself cannot import() there.
    function importFrom(workspace) {
        return specifier => {
            const relative = /^\.{0,2}\//.test(specifier);
            return importModule(relative ? url.pathToFileURL(path.resolve(workspace, specifier)).href : specifier);
        };
    }

    // Node.js warns that what load() uses for import() is experimental: of no use to who wrote the code.
    function hushOwnWarning() {
        const emit = process.emitWarning;
        process.emitWarning = function (warning, ...rest) {
            if (!/^(vm\.USE_MAIN_CONTEXT_DEFAULT_LOADER|VM Modules|importModuleDynamically)/.test(String(warning)))
                emit.call(process, warning, ...rest);
        };
    }

    function compile(job) {
        const code = `${job.code}\n;return typeof handler === 'function' ? handler : undefined;`;
        return vm.compileFunction(code, ['exports', 'require', 'module', '__filename', '__dirname'], {
            filename: NAME,
            importModuleDynamically: vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER || importFrom(job.workspace),
        });
    }

    // What the code sees of its module system: made before there is a job, as that takes time.
    function makeModule(workspace) {
        const from = path.join(workspace, NAME);
        const module = { exports: {}, id: '.', filename: from, loaded: false, children: [], paths: [] };
        const own = createRequire(from);
        own.main = module;
        module.require = own;
        return module;
    }

    function load(job, module) {
        run = compile(job);
        const named = run.call(module.exports, module.exports, module.require, module, module.filename, job.workspace);
        if (module.exports && typeof module.exports.handler === 'function')
            return event => module.exports.handler(event);
        return typeof named === 'function' ? named : undefined;
    }

    function work(job, module, done, failed) {
        try {
            const handler = load(job, module);
            if (handler)
                Promise.resolve(handler(JSON.parse(job.event))).then(done, failed);
        } catch (e) {
            failed(e);
        }
    }

    // The first console.log() loads all that streams are made of. Descriptors 1 and 2 stay as they are: a stream for them would change what
    // the code's own children inherit.
    function rehearsePrinting() {
        const { Writable } = require('stream');
        const { Socket } = require('net');
        require('tty');
        new Socket({ readable: false, writable: true });
        const sink = new Writable({ write: (chunk, encoding, done) => done() });
        new console.Console(sink).log('x', 1, { text: 'x' });
    }

    // What Node.js does for the first time it does slowly: so that it is not the job's, everything is done twice with a job that does
    // nothing. No trace of it is left for the code to see. Where a job is there already, somebody waits.
    function rehearse() {
        const sample = { execution_id: '', code: 'exports.handler = event => [event];', event: '{}', workspace: '/',
                         uid: process.getuid(), gid: process.getgid(), timeout_ms: 1, env: process.env };
        rehearsing = true;
        rehearsePrinting();
        for (let i = 0; i < 2 && process._tickCallback; i++) {
            fs.readSync(NOTHING, Buffer.alloc(1), 0, 1, null);
            becomeUser(JSON.parse(fs.readFileSync(NOTHING, 'utf8') || JSON.stringify(sample))); // the job itself may come at any moment
            work(sample, makeModule('/'), value => {
                writeAll(NOTHING, `R${JSON.stringify(value, checked)}`);
                whenWritten(() => process.exit());
            }, () => 0);
            process._tickCallback(); // what was promised
            process._exiting = false;
        }
        rehearsing = false;
    }

    fs.closeSync(SELF);
    dropGroups();
    hushOwnWarning();
    endAtOnce();
    if (fs.fstatSync(JOB).size === 0)
        rehearse();
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
    const module = makeModule(process.argv[1]);
    hideRunner();
    const job = waitForJob();
    becomeUser(job);
    work(job, module, deliver, fail);
})
