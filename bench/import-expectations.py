"""Makes what the tests of the importer compare with: PyTorch's own answers, and small files that PyTorch wrote.

    import-expectations.py FOLDER           (test/fixtures/checkpoints)

Needs torch, torchvision, timm, transformers, safetensors and efficientnet_lite_pytorch; downloads nothing. Each network gets weights that are
a formula of the tensor's name and the element's number, which checkpoints.ts in that folder repeats bit for bit: so the tests
make the same networks without Python. networks.json has, for each, the first logits of one picture, which is a formula, too.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from transformers import ResNetConfig, ResNetForImageClassification

LOGITS = 300
folder = pathlib.Path(sys.argv[1])


def name_hash(text):
    """FNV-1a."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def mix(x):
    """lowbias32 (Chris Wellons, "Prospecting for Hash Functions")."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def units(name, count):
    """`count` doubles from 0 to 1, of 24 bits each."""
    start = mix(np.array([name_hash(name)], dtype=np.uint32))
    numbers = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    return (mix(start + numbers) >> np.uint32(8)).astype(np.float64) / 2**24


def values(name, shape):
    """Weights that keep activations near 1, and statistics that are not trivial."""
    count = int(np.prod(shape))
    u = units(name, count)
    if len(shape) > 1:
        u = (u - 0.5) * np.sqrt((24 if len(shape) == 4 else 192) / (count // shape[0]))
    elif name.endswith("running_var"):
        u = 0.5 + u
    elif name.endswith("weight"):
        u = 0.4 + 0.4 * u
    else:
        u = 0.4 * (u - 0.5)
    return torch.from_numpy(u.astype(np.float32).reshape(shape))


def fill(network):
    state = network.state_dict()
    shapes = []
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            shapes.append(f"{name} {','.join(map(str, tensor.shape))}")
            state[name] = values(name, tuple(tensor.shape))
    network.load_state_dict(state)
    return hashlib.sha256("\n".join(sorted(shapes)).encode()).hexdigest()


def expect(network, size):
    digest = fill(network)
    picture = ((units("picture", 3 * size * size) - 0.5) * 4).astype(np.float32).reshape(1, 3, size, size)
    with torch.no_grad():
        output = network.eval()(torch.from_numpy(picture))
    logits = getattr(output, "logits", output)[0].double().numpy()
    return {"classes": len(logits), "tensors": digest, "logits": [float(f"{x:.8g}") for x in logits[:LOGITS]]}


def networks():
    for name, classes in [("resnet18", 12), ("resnet34", 300), ("resnet50", 1000), ("resnet101", 300), ("resnet152", 300),
                          ("resnext50_32x4d", 300), ("wide_resnet50_2", 300)]:  # fmt: skip
        yield name, expect(getattr(torchvision.models, name)(num_classes=classes), 224)
    for number, size in enumerate([224, 240, 260, 280, 300]):
        name = f"efficientnet-lite{number}"
        yield name, expect(EfficientNet.from_name(name, num_classes=300), size)
    # The same networks under other names.
    yield "timm resnet34", expect(timm.create_model("resnet34", pretrained=False, num_classes=20), 224)
    small = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic", "num_labels": 12}
    yield "transformers resnet18", expect(ResNetForImageClassification(ResNetConfig(**small)), 224)
    yield "transformers resnet50", expect(ResNetForImageClassification(ResNetConfig(num_labels=20)), 224)


def ramp(*shape, dtype=torch.float32):
    """Quarters from -1 up, which every type holds exactly."""
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float64) / 4 - 1).reshape(shape).to(dtype)


def small_files():
    plain = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2, bias=False), torch.nn.BatchNorm2d(3)).state_dict()
    for name, tensor in plain.items():
        if tensor.is_floating_point():
            plain[name] = ramp(*tensor.shape)
    torch.save(plain, folder / "plain.pth")
    torch.save(plain, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(plain, folder / "protocol-4.pth", pickle_protocol=4)
    permuted = {
        "a.channels_last": ramp(2, 3, 2, 2).to(memory_format=torch.channels_last),
        "a.transposed": ramp(3, 4).t(),
        "a.part": ramp(4, 6)[1:3, 1:6:2],
    }
    torch.save(permuted, folder / "permuted.pth")
    torch.save(permuted, folder / "permuted-legacy.pth", _use_new_zipfile_serialization=False)
    types = {f"a.{str(t)[6:]}": ramp(3, 5, dtype=t) for t in [torch.float16, torch.bfloat16, torch.float64]}
    types["a.int64"] = torch.tensor([[-(2**40), 7]])
    types["a.half_extremes"] = torch.tensor([65504, -(2.0**-24), 2.0**-14, float("inf")]).half()
    torch.save(types, folder / "types.pth")
    safetensors.torch.save_file(types, folder / "types.safetensors", metadata={"format": "pt"})
    shared = torch.nn.Parameter(ramp(4, 2))
    torch.save({"a.tied": shared, "b.tied": shared, "c.row": shared.detach()[2]}, folder / "shared.pth")
    network = torch.nn.DataParallel(torch.nn.Linear(2, 3))
    network.module.weight.data = ramp(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    wrapped = {
        "epoch": 7,
        "arch": "resnet18",
        "best_acc1": torch.tensor(76.5),
        "state_dict": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [0.5, 2**70, None, True, (1, -2.5)],
    }
    torch.save(wrapped, folder / "wrapped.pth")
    torch.save(torch.nn.Linear(2, 3), folder / "module.pth")
    torch.jit.script(torch.nn.Linear(2, 3)).save(folder / "script.pth")
    for path in ["plain.pth", "legacy.pth", "protocol-4.pth", "permuted.pth", "permuted-legacy.pth", "types.pth", "shared.pth"]:
        state = torch.load(folder / path, weights_only=False)
        yield path, {name: as_json(tensor) for name, tensor in state.items()}
    yield "types.safetensors", {name: as_json(tensor) for name, tensor in types.items()}
    yield "wrapped.pth", {name: as_json(tensor) for name, tensor in wrapped["state_dict"].items()}


def as_json(tensor):
    return {"shape": list(tensor.shape), "values": [str(float(x)) for x in tensor.detach().double().reshape(-1)]}


def main():
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in [("files", small_files), ("networks", networks)]:
        (folder / f"{name}.json").write_text(json.dumps(dict(made()), separators=(",", ":")) + "\n")


main()
