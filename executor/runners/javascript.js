// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of the executor: started ahead, waits for its job, becomes the sandbox's user and runs it.
// Descriptors: 0 /dev/null, 1 and 2 the captured output, 3 the result, 4 the job (a file in memory), 5 the pipe on
// which a byte says "go", 6 this file.
(function (require, importModule) {
    'use strict';
    const fs = require('fs');
    const vm = require('vm');
    const path = require('path');
    const url = require('url');
    const { createRequire } = require('module');
    const RESULT = 3, JOB = 4, GO = 5, SELF = 6;
    const NAME = 'code.js';
    const MESSAGE_MAX = 2000;
    let over = false; // the outcome is known
    let run; // kept, as the code's import() is lost with it

    function waitForJob() {
        const byte = Buffer.alloc(1);
        if (fs.readSync(GO, byte, 0, 1, null) !== 1)
            process.exit(0);
        const text = Buffer.alloc(fs.fstatSync(JOB).size);
        let got = 0;
        while (got < text.length)
            got += fs.readSync(JOB, text, got, text.length - got, got);
        for (const fd of [GO, JOB, SELF])
            fs.closeSync(fd);
        return JSON.parse(text.toString('utf8'));
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

    // What Node.js does for the first time it does slowly: so that it is not the job's, everything is done once on a job that does
    // nothing. No trace of it is left for the code to see. Where a job is there already, somebody waits.
    function warmUp() {
        const job = { code: 'exports.x = 1;', workspace: '/', env: {} };
        const parsed = JSON.parse(Buffer.from(JSON.stringify(job)).toString('utf8'));
        fs.readSync(JOB, Buffer.alloc(fs.fstatSync(JOB).size + 1), 0, 1, 0);
        Object.assign(process.env, parsed.env);
        process.chdir('/');
        const from = path.join(parsed.workspace, NAME);
        compile(parsed).call({}, {}, createRequire(from), {}, from, parsed.workspace);
        Buffer.from(JSON.stringify({ text: 'x', list: [1, null] }, checked), 'utf8');
    }

    function load(job) {
        const from = path.join(job.workspace, NAME);
        const module = { exports: {}, id: '.', filename: from, loaded: false, children: [], paths: [] };
        const own = createRequire(from);
        own.main = module;
        module.require = own;
        run = compile(job);
        const named = run.call(module.exports, module.exports, own, module, from, job.workspace);
        if (module.exports && typeof module.exports.handler === 'function')
            return event => module.exports.handler(event);
        return typeof named === 'function' ? named : undefined;
    }

    dropGroups();
    hushOwnWarning();
    if (fs.fstatSync(JOB).size === 0)
        warmUp();
    const job = waitForJob();
    becomeUser(job);
    process.on('uncaughtException', fail);
    process.on('unhandledRejection', fail);
    try {
        const handler = load(job);
        if (handler)
            Promise.resolve(handler(JSON.parse(job.event))).then(deliver, fail);
    } catch (e) {
        fail(e);
    }
})
