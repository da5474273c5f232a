"""One search step in PyTorch itself, to compare with: DARTS's supernet as its paper and public code describe it, by plain autograd.

Run by benchmarks/gpu/run where python3 has torch. Prints one line of JSON: seconds of an architecture and a weights step (first order, as
the PC-DARTS code takes them; medians), and by how many MiB memory grew, as the driver counts it (on the processor: the process's peak).
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

OPERATIONS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
NODES, EDGES = 4, 14


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, ::self.stride, ::self.stride] * 0.0


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out, affine):
        super().__init__()
        self.first = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.second = nn.Conv2d(c_in, c_out - c_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(c_out, affine=affine)

    def forward(self, x):
        x = functional.relu(x)
        return self.norm(torch.cat([self.first(x), self.second(functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:])], 1))


def relu_conv_norm(c_in, c_out, affine):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out, affine=affine))


def depthwise(c, kernel, stride, dilation):
    return [
        nn.ReLU(),
        nn.Conv2d(c, c, kernel, stride=stride, padding=dilation * (kernel - 1) // 2, dilation=dilation, groups=c, bias=False),
        nn.Conv2d(c, c, 1, bias=False),
        nn.BatchNorm2d(c, affine=False),
    ]


def operation(name, c, stride):
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c, affine=False)
    if name == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride, 1), nn.BatchNorm2d(c, affine=False))
    if name == "avg_pool_3x3":
        return nn.Sequential(nn.AvgPool2d(3, stride, 1, count_include_pad=False), nn.BatchNorm2d(c, affine=False))
    kind, _, size = name.split("_")
    kernel = int(size[0])
    if kind == "dil":
        return nn.Sequential(*depthwise(c, kernel, stride, 2))
    return nn.Sequential(*depthwise(c, kernel, stride, 1), *depthwise(c, kernel, 1, 1))


class MixedOperation(nn.Module):
    def __init__(self, names, c, stride, partial):
        super().__init__()
        self.mixed, self.partial, self.stride = c // partial, partial, stride
        self.rows = [OPERATIONS.index(name) for name in names]
        self.operations = nn.ModuleList(operation(name, self.mixed, stride) for name in names)

    def forward(self, x, weights):
        part = x[:, :self.mixed] if self.partial > 1 else x
        total = sum(weights[row] * run(part) for row, run in zip(self.rows, self.operations))
        if self.partial == 1:
            return total
        rest = x[:, self.mixed:]
        total = torch.cat([total, rest if self.stride == 1 else functional.max_pool2d(rest, 2, 2)], 1)
        n, c, h, w = total.shape
        return total.view(n, self.partial, c // self.partial, h, w).transpose(1, 2).reshape(n, c, h, w)


class Cell(nn.Module):
    def __init__(self, live, before, c_before, c_in, c, reduces, partial):
        super().__init__()
        self.first = FactorizedReduce(before, c, affine=False) if c_before else relu_conv_norm(before, c, False)
        self.second = relu_conv_norm(c_in, c, False)
        edges = [(node, state) for node in range(NODES) for state in range(2 + node)]
        self.edges = nn.ModuleList(
            MixedOperation(names, c, 2 if reduces and state < 2 else 1, partial) for names, (_, state) in zip(live, edges))

    def forward(self, s0, s1, alphas, betas):
        states, edge = [self.first(s0), self.second(s1)], 0
        for _ in range(NODES):
            total = 0
            for state in states:
                term = self.edges[edge](state, alphas[edge])
                total = total + (term if betas is None else betas[edge] * term)
                edge += 1
            states.append(total)
        return torch.cat(states[2:], 1)


class Supernet(nn.Module):
    def __init__(self, live, c, cells, partial, classes):
        super().__init__()
        self.partial, self.live = partial, live
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * c, 3, padding=1, bias=False), nn.BatchNorm2d(3 * c))
        before, c_in, reduced, self.cells, self.kinds = 3 * c, 3 * c, False, nn.ModuleList(), []
        for i in range(cells):
            reduces = i in (cells // 3, 2 * cells // 3)
            c = 2 * c if reduces else c
            kind = "reduce" if reduces else "normal"
            self.cells.append(Cell(live[kind], before, reduced, c_in, c, reduces, partial))
            self.kinds.append(kind)
            before, c_in, reduced = c_in, NODES * c, reduces
        self.classifier = nn.Linear(c_in, classes)

    def forward(self, x, alphas, betas):
        weights = {kind: functional.softmax(alpha, -1) for kind, alpha in alphas.items()}
        edges = {}
        for kind in alphas:
            starts = [sum(2 + node for node in range(k)) for k in range(NODES + 1)]
            edges[kind] = None if self.partial == 1 else torch.cat(
                [functional.softmax(betas[kind][a:b], -1) for a, b in zip(starts, starts[1:])])
        s0 = s1 = self.stem(x)
        for cell, kind in zip(self.cells, self.kinds):
            s0, s1 = s1, cell(s0, s1, weights[kind], edges[kind])
        return self.classifier(s1.mean([2, 3]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--live", required=True, help="JSON: the names of the live operations of every edge, for normal and reduce")
    for name in ("channels", "cells", "partial", "batch", "size", "steps"):
        parser.add_argument("--" + name, type=int, required=True)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    gpu = device.type == "cuda"
    live = json.loads(arguments.live)

    network = Supernet(live, arguments.channels, arguments.cells, arguments.partial, 10).to(device)
    alphas = {kind: (1e-3 * torch.randn(EDGES, len(OPERATIONS))).to(device) for kind in live}
    for kind, edges in live.items():
        for edge, names in enumerate(edges):
            for row, name in enumerate(OPERATIONS):
                if name not in names:
                    alphas[kind][edge, row] = float("-inf")
    betas = {kind: (1e-3 * torch.randn(EDGES)).to(device) for kind in live}
    architecture = [tensor.requires_grad_() for tensor in (*alphas.values(), *betas.values())]
    of_weights = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=3e-4)
    of_architecture = torch.optim.Adam(architecture, 6e-4, betas=(0.5, 0.999))
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size).to(device)
    labels = torch.randint(10, (arguments.batch,)).to(device)

    def used():
        if not gpu:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info()
        return (total - free) / 2**20

    def seconds(step):
        if gpu:
            torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        if gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def architecture_step():
        of_architecture.zero_grad()
        functional.cross_entropy(network(images, alphas, betas), labels).backward()
        of_architecture.step()

    def weights_step():
        of_weights.zero_grad()
        loss = functional.cross_entropy(network(images, alphas, betas), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        of_weights.step()
        return loss.item()

    before = used()
    times = [(seconds(architecture_step), seconds(weights_step)) for _ in range(2 + arguments.steps)][2:]
    print(json.dumps({
        "version": torch.__version__,
        "peak_mib": used() - before,
        "device_mib": used(),
        "architecture_seconds": statistics.median(a for a, _ in times),
        "weights_seconds": statistics.median(w for _, w in times),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }))


if __name__ == "__main__":
    main()
