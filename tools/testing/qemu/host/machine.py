# SPDX-License-Identifier: GPL-2.0-only
"""The machine: QEMU's command line, and the process that runs it."""

import ctypes
import os
import shlex
import signal
import subprocess

KERNEL = "kernel/arch/x86/boot/bzImage"
VMLINUX = "kernel/vmlinux"

# Errors before the serial driver is up are worth seeing; a machine that
# panics must end (-no-reboot turns the reboot into an exit) and not wait.
# Level 7 shows pr_info(), which the maple tree's own checks report with.
APPEND = ("console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 "
          "nokaslr panic=-1 oops=panic loglevel=7 "
          # On a busy host the timer is found to be missing now and then.
          "no_timer_check")

PR_SET_PDEATHSIG = 1


class MachineError(Exception):
    """The machine cannot be started; the text says why and what to do."""


def add_arguments(parser):
    """Add the options that Machine.from_arguments() reads to an argparser."""
    parser.add_argument("--build", required=True,
                        help="folder in which make has built the kernel")
    parser.add_argument("--ksrc", required=True,
                        help="the kernel tree it was built from")
    parser.add_argument("--initramfs", required=True)
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--cpus", type=int, default=3,
                        help="processors: the first is init's, if it is not "
                        "the only one")
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--append", default="",
                        help="more words for the kernel's command line")


def die_with_parent():
    """In the child: be killed when the parent dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """One QEMU with one kernel, emulated in software.

    @append: list of words for the kernel's command line.
    """

    def __init__(self, arguments, append):
        self.qemu = arguments.qemu
        self.kernel = os.path.join(arguments.build, KERNEL)
        self.initramfs = arguments.initramfs
        self.cpus = arguments.cpus
        self.memory = arguments.memory
        self.append = [APPEND, arguments.append] + append
        for path in (self.kernel, self.initramfs):
            if not os.path.exists(path):
                raise MachineError(f"{path} does not exist: run make build")

    def command(self, devices):
        """QEMU's command line; @devices are its options for the console."""
        return [
            *shlex.split(self.qemu), "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-machine", "q35",
            "-accel", "tcg", "-cpu", "max,+svm", "-smp", str(self.cpus),
            "-m", self.memory, "-kernel", self.kernel,
            "-initrd", self.initramfs,
            "-append", " ".join(word for word in self.append if word),
            *devices]

    def start(self):
        """Start it with its console and its results on pipes.

        Returns (process, console, results, messages): the last three are
        file descriptors to read, messages is what QEMU itself says.
        """
        console, console_end = os.pipe()
        results, results_end = os.pipe()
        messages, messages_end = os.pipe()
        # ioeventfd=off: the guest's write to the port returns when QEMU has
        # taken the line, so that no crash of the guest can lose it.
        devices = [
            "-chardev", f"file,id=console,path=/dev/fd/{console_end}",
            "-serial", "chardev:console",
            "-chardev", f"file,id=results,path=/dev/fd/{results_end}",
            "-device", "virtio-serial-pci,ioeventfd=off",
            "-device", "virtserialport,chardev=results,name=results"]
        try:
            process = subprocess.Popen(
                self.command(devices), stdin=subprocess.DEVNULL,
                stdout=messages_end, stderr=messages_end,
                pass_fds=(console_end, results_end), start_new_session=True,
                preexec_fn=die_with_parent)
        except OSError as error:
            raise MachineError(f"cannot start {self.qemu}: {error.strerror}: "
                               f"install the package qemu-system-x86 or set "
                               f"QEMU") from error
        finally:
            for end in (console_end, results_end, messages_end):
                os.close(end)
        return process, console, results, messages


def kill(process):
    """Kill QEMU and whatever it was wrapped in, and wait for its end."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def cpu_seconds(process):
    """CPU time that the process has used so far, in seconds; 0 if unknown."""
    try:
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
