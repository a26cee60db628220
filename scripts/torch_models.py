"""The models of Ingot's zoo in plain PyTorch, for paired timings: published architectures, with
torchvision's names, so that state_dicts fit both sides (Ingot refuses any other key or shape)."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def init_for_relu(model):
    """Convolutions N(0, 2 / fan_out), so that a deep network without batch-norm passes a signal."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)).add_(shortcut), inplace=True)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, outputs in enumerate([64, 128, 256, 512], start=1):
            blocks = [BasicBlock(inputs, outputs, 1 if i == 1 else 2), BasicBlock(outputs, outputs, 1)]
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
            inputs = outputs
        self.fc = nn.Linear(512, 10)
        init_for_relu(self)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Classifier(nn.Module):
    """Features, a pooling to a fixed size, and linear layers."""

    def __init__(self, features, size, classifier):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.size = size
        self.classifier = nn.Sequential(*classifier)
        init_for_relu(self)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), self.size)
        return self.classifier(torch.flatten(x, 1))


def alexnet():
    def conv(*how, **more):
        return [nn.Conv2d(*how, **more), nn.ReLU(inplace=True)]

    features = conv(3, 64, 11, stride=4, padding=2) + [nn.MaxPool2d(3, 2)]
    features += conv(64, 192, 5, padding=2) + [nn.MaxPool2d(3, 2)]
    features += conv(192, 384, 3, padding=1) + conv(384, 256, 3, padding=1) + conv(256, 256, 3, padding=1)
    features.append(nn.MaxPool2d(3, 2))
    return Classifier(features, 6, [
        nn.Dropout(), nn.Linear(256 * 36, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 4096),
        nn.ReLU(inplace=True), nn.Linear(4096, 10)])


def vgg16():
    features, channels = [], 3
    for width, convolutions in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]:
        for _ in range(convolutions):
            features += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        features.append(nn.MaxPool2d(2))
    return Classifier(features, 7, [
        nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(4096, 10)])


class Fire(nn.Module):
    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x), inplace=True)
        return torch.cat([F.relu(self.expand1x1(x), inplace=True), F.relu(self.expand3x3(x), inplace=True)], 1)


class SqueezeNet(nn.Module):
    """Version 1.0."""

    def __init__(self):
        super().__init__()
        layers, channels = [nn.Conv2d(3, 96, 7, stride=2), nn.ReLU(inplace=True)], 96
        pool = (None, None)
        for squeeze, expand in [pool, (16, 64), (16, 64), (32, 128), pool, (32, 128), (48, 192), (48, 192), (64, 256),
                                pool, (64, 256)]:
            if squeeze is None:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            else:
                layers.append(Fire(channels, squeeze, expand))
                channels = 2 * expand
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 10, 1), nn.ReLU(inplace=True),
                                        nn.AdaptiveAvgPool2d(1))
        init_for_relu(self)

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


def conv_norm(inputs, outputs, kernel, stride, groups, activation):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, activation(inplace=True)) if activation else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, ratio):
        super().__init__()
        width = inputs * ratio
        layers = [] if ratio == 1 else [conv_norm(inputs, width, 1, 1, 1, nn.ReLU6)]
        layers += [conv_norm(width, width, 3, stride, width, nn.ReLU6), nn.Conv2d(width, outputs, 1, bias=False),
                   nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


def mobilenet_v2():
    features, channels = [conv_norm(3, 32, 3, 2, 1, nn.ReLU6)], 32
    for ratio, width, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                         (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(blocks):
            features.append(InvertedResidual(channels, width, stride if i == 0 else 1, ratio))
            channels = width
    features.append(conv_norm(channels, 1280, 1, 1, 1, nn.ReLU6))
    return Classifier(features, 1, [nn.Dropout(0.2), nn.Linear(1280, 10)])


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeeze):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeeze, 1)
        self.fc2 = nn.Conv2d(squeeze, channels, 1)

    def forward(self, x):
        scale = F.silu(self.fc1(F.adaptive_avg_pool2d(x, 1)), inplace=True)
        return torch.sigmoid(self.fc2(scale)) * x


class MbConv(nn.Module):
    def __init__(self, inputs, outputs, ratio, kernel, stride, skip):
        super().__init__()
        width = inputs * ratio
        layers = [] if ratio == 1 else [conv_norm(inputs, width, 1, 1, 1, nn.SiLU)]
        layers += [conv_norm(width, width, kernel, stride, width, nn.SiLU),
                   SqueezeExcitation(width, max(1, inputs // 4)), conv_norm(width, outputs, 1, 1, 1, None)]
        self.block = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs
        self.skip = skip

    def forward(self, x):
        y = self.block(x)
        if not self.adds:
            return y
        if self.training and self.skip > 0:
            keep = torch.empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.skip).div_(1 - self.skip)
            y = y * keep
        return y.add_(x)


def efficientnet_b0():
    stages = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
              (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]
    features, channels, count = [conv_norm(3, 32, 3, 2, 1, nn.SiLU)], 32, 0
    for ratio, kernel, stride, width, blocks in stages:
        stage = []
        for i in range(blocks):
            stage.append(MbConv(channels, width, ratio, kernel, stride if i == 0 else 1, 0.2 * count / 16))
            channels, count = width, count + 1
        features.append(nn.Sequential(*stage))
    features.append(conv_norm(channels, 4 * channels, 1, 1, 1, nn.SiLU))
    return Classifier(features, 1, [nn.Dropout(0.2), nn.Linear(4 * channels, 10)])


# Name: how to make it, and the shape of one image.
MODELS = {"lenet5": (LeNet5, (1, 28, 28))}
for name, make in {"alexnet": alexnet, "vgg16": vgg16, "resnet18": ResNet18, "mobilenet_v2": mobilenet_v2,
                   "efficientnet_b0": efficientnet_b0, "squeezenet1_0": SqueezeNet}.items():
    MODELS[name] = (make, (3, 224, 224))
