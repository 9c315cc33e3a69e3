"""Networks of 2012 to 2014 by their papers: AlexNet, ZFNet and GoogLeNet."""
