// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of the executor: started ahead, waits for its job, becomes the sandbox's user and runs it.
// Descriptors: 0 /dev/null, 1 and 2 the captured output, 3 the result, 4 the job (a file in memory), 5 the pipe on
// which a byte says "go", 6 this file.
(function (require, importModule) {
    'use strict';
    const fs = require('fs');
    const vm = require('vm');
    const RESULT = 3, JOB = 4, GO = 5, SELF = 6;
    const NAME = 'code.js';
    const MESSAGE_MAX = 2000;
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

    function becomeUser(job) {
        try {
            process.setgroups([]);
        } catch (e) { /* already empty, and not ours to change */ }
        process.setgid(job.gid);
        process.setuid(job.uid);
        process.umask(0o002);
        process.chdir(job.workspace);
        for (const name of Object.keys(process.env))
            delete process.env[name];
        Object.assign(process.env, job.env);
        process.argv = [process.argv[0], NAME];
        process.execArgv = []; // a forked child would run this file again
    }

    function report(kind, text) {
        const data = Buffer.from(kind + text, 'utf8');
        let done = 0;
        while (done < data.length) {
            try {
                done += fs.writeSync(RESULT, data, done);
            } catch (e) {
                if (e.code !== 'EAGAIN')
                    throw e;
            }
        }
    }

    // The stack without the lines of this file and of Node itself above it.
    function stackOf(problem) {
        const text = String(problem && problem.stack || problem);
        return text.split('\n').filter(line => !/^\s+at .*(<runner>|node:internal\/|node:vm|\[eval\])/.test(line)).join('\n');
    }

    function fail(problem) {
        let stack = '', message = '';
        try {
            stack = stackOf(problem);
            message = problem instanceof Error || Object.prototype.toString.call(problem) === '[object Error]'
                ? `${problem.name}: ${problem.message}` : `Uncaught ${String(problem)}`;
        } catch (e) { // a thrown value that cannot even be shown
            message = 'Uncaught exception';
        }
        fs.writeSync(2, `${stack || message}\n`);
        report('E', message.slice(0, MESSAGE_MAX));
        process.exit(1);
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
        let text;
        try {
            text = value === undefined ? 'null' : JSON.stringify(value, checked);
        } catch (e) {
            const reason = `The return value is not JSON: ${String(e && e.message).split('\n')[0].slice(0, MESSAGE_MAX)}`;
            fs.writeSync(2, `${reason}\n`);
            report('V', reason);
            process.exit(1);
        }
        report('R', text === undefined ? 'null' : text);
        process.exit(); // timers that a handler left behind do not keep it alive
    }

    // For Node.js before 20.10, which has no constant for it; this file itself cannot import() there.
    function importFrom(workspace) {
        return specifier => {
            const relative = /^\.{0,2}\//.test(specifier);
            return importModule(relative ? require('url').pathToFileURL(require('path').resolve(workspace, specifier)).href : specifier);
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

    function load(job) {
        const path = require('path');
        const from = path.join(job.workspace, NAME);
        const module = { exports: {}, id: '.', filename: from, loaded: false, children: [], paths: [] };
        const own = require('module').createRequire(from);
        own.main = module;
        module.require = own;
        const code = `${job.code}\n;return typeof handler === 'function' ? handler : undefined;`;
        run = vm.compileFunction(code, ['exports', 'require', 'module', '__filename', '__dirname'], {
            filename: NAME,
            importModuleDynamically: vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER || importFrom(job.workspace),
        });
        const named = run.call(module.exports, module.exports, own, module, from, job.workspace);
        if (module.exports && typeof module.exports.handler === 'function')
            return event => module.exports.handler(event);
        return typeof named === 'function' ? named : undefined;
    }

    const job = waitForJob();
    becomeUser(job);
    hushOwnWarning();
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
